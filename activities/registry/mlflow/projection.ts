import { failure } from '../../../temporal/errors.js';
import { ALIASES, REGISTRY_TAGS } from '../../../temporal/names.js';
import type { Projection, Registry } from '../port.js';
import { Done, type RegisteredModelState } from './answers.js';
import type { Mlflow } from './client.js';
import type { DefinitionStore } from './definitions.js';
import { getRegisteredModel } from './registered-models.js';
import type { Parts } from './parts.js';
import { OWN_TAGS, quoted, tagPairs } from './tags.js';
import { searchVersions, setVersionTag } from './versions.js';

/** `previous` first: whoever stops in between leaves the way back recorded. */
const WRITE_ORDER = [ALIASES.previous, ALIASES.champion, ALIASES.challenger] as const;
type Alias = (typeof WRITE_ORDER)[number];

export function createProjection(
  { mlflow, homes }: Parts,
  definitions: DefinitionStore,
): Pick<Registry, 'project'> {
  return {
    async project(projection) {
      await homes.ensure(projection.tag);
      const state = await getRegisteredModel(mlflow, projection.tag);
      for (const alias of movedAliases(projection, state)) {
        await moveAlias(mlflow, projection.tag, { alias, version: projection.aliases[alias] });
      }
      await projectDefinition(mlflow, definitions, projection);
      await projectModelTags(mlflow, projection, state);
      await projectStatuses(mlflow, projection);
      await readBack(mlflow, projection);
    },
  };
}

function movedAliases({ aliases }: Projection, state: RegisteredModelState): Alias[] {
  return WRITE_ORDER.filter((alias) => (state.aliases[alias] ?? null) !== aliases[alias]);
}

async function moveAlias(
  mlflow: Mlflow,
  tag: string,
  { alias, version }: { alias: Alias; version: number | null },
): Promise<void> {
  await mlflow.call(`set alias ${alias} of ${tag}`, Done, (api) =>
    version === null
      ? api.DELETE('/api/2.0/mlflow/registered-models/alias', { body: { name: tag, alias } })
      : api.POST('/api/2.0/mlflow/registered-models/alias', {
          body: { name: tag, alias, version: String(version) },
        }),
  );
}

/** MLflow has no compare-and-set on aliases, so only reading tells whether somebody else wrote at the same time. */
async function readBack(mlflow: Mlflow, projection: Projection): Promise<void> {
  const state = await getRegisteredModel(mlflow, projection.tag);
  const moved = movedAliases(projection, state);
  if (moved.length === 0) return;
  const differences = moved.map(
    (alias) =>
      `${alias}: expected ${String(projection.aliases[alias] ?? 'none')}, got ${String(state.aliases[alias] ?? 'none')}`,
  );
  throw failure(
    'ProjectionMismatch',
    `aliases of ${projection.tag} read back otherwise: ${differences.join('; ')}`,
    {
      details: { tag: projection.tag, expected: projection.aliases, actual: state.aliases },
    },
  );
}

async function projectDefinition(
  mlflow: Mlflow,
  definitions: DefinitionStore,
  { definition, definitionDigest }: Projection,
): Promise<void> {
  if (definition !== null && definitionDigest !== null)
    await definitions.keep(definition, definitionDigest);
}

async function projectModelTags(
  mlflow: Mlflow,
  projection: Projection,
  state: RegisteredModelState,
): Promise<void> {
  const { tag: name, description } = projection;
  const wanted = tagPairs(
    {
      [REGISTRY_TAGS.owner]: projection.owner,
      [OWN_TAGS.tier]: projection.tier,
      ...(projection.definitionDigest !== null && {
        [REGISTRY_TAGS.definitionDigest]: projection.definitionDigest,
      }),
    },
    'model',
  );
  for (const { key, value } of wanted.filter((pair) => state.tags[pair.key] !== pair.value)) {
    await mlflow.call(`tag registered model '${name}'`, Done, (api) =>
      api.POST('/api/2.0/mlflow/registered-models/set-tag', { body: { name, key, value } }),
    );
  }
  if (description === null || description === state.description) return;
  await mlflow.call(`describe registered model '${name}'`, Done, (api) =>
    api.PATCH('/api/2.0/mlflow/registered-models/update', { body: { name, description } }),
  );
}

/** One search instead of a read for each version; a version that is gone has nothing to be tagged. */
async function projectStatuses(mlflow: Mlflow, { tag, statuses }: Projection): Promise<void> {
  if (Object.keys(statuses).length === 0) return;
  const key = REGISTRY_TAGS.status;
  for (const { version, tags } of await searchVersions(mlflow, `name = ${quoted(tag)}`)) {
    const value = statuses[String(version)];
    if (value !== undefined && tags[key] !== value)
      await setVersionTag(mlflow, { tag, version }, { key, value });
  }
}
