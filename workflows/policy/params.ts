/** A run's params over the definition's: shallow, a key replaces, null removes. */
export function mergeParams(
  defined: Record<string, unknown>,
  asked: Record<string, unknown>,
): Record<string, unknown> {
  const kept = Object.entries({ ...defined, ...asked }).filter(([, value]) => value !== null);
  return Object.fromEntries(kept);
}
