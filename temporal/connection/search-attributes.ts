import type { Connection } from '@temporalio/client';

/** temporal.api.enums.v1.IndexedValueType */
const KEYWORD = 2;

/**
 * Registers keyword attributes that are not there yet. The server answers a request for another type of an existing
 * attribute with success and changes nothing, so the types are read back.
 */
export async function ensureKeywordAttributes(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const before = await attributeTypes(connection, namespace);
  const missing = names.filter((name) => before.get(name) === undefined);
  if (missing.length > 0) {
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  }
  const after = missing.length > 0 ? await attributeTypes(connection, namespace) : before;
  const wrong = names.filter((name) => after.get(name) !== KEYWORD);
  if (wrong.length > 0) {
    throw new Error(
      `Search attributes of namespace ${namespace} should have the type Keyword, but ${wrong.map((name) => describe(name, after)).join(', ')}. ` +
        'Remove them (temporal operator search-attribute remove --name …) or use another namespace.',
    );
  }
}

async function attributeTypes(
  connection: Connection,
  namespace: string,
): Promise<Map<string, number>> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return new Map(Object.entries(customAttributes));
}

function describe(name: string, types: ReadonlyMap<string, number>): string {
  const type = types.get(name);
  return type === undefined ? `${name} is missing` : `${name} has type number ${String(type)}`;
}
