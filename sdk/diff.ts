export interface Change {
  path: string;
  from: unknown;
  to: unknown;
}

/** Leaf by leaf, what differs between two JSON values; absent reads undefined. Lists of another length differ as a whole. */
export function diff(from: unknown, to: unknown, path = ''): Change[] {
  if (isRecord(from) && isRecord(to)) {
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return keys.flatMap((key) => diff(from[key], to[key], path === '' ? key : `${path}.${key}`));
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return from.flatMap((item: unknown, index) =>
      diff(item, to[index], `${path}[${String(index)}]`),
    );
  }
  return same(from, to) ? [] : [{ path, from, to }];
}

function same(from: unknown, to: unknown): boolean {
  return Object.is(from, to) || JSON.stringify(from) === JSON.stringify(to);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
