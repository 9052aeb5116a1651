import type { TagState } from './state.js';

/** The newest distinct model that was live, is not live now and is not quarantined; null when there is none. */
export function rollbackTarget(
  state: TagState,
  leaving: number | null = state.live,
): number | null {
  const fit = state.stack.filter(
    (version) =>
      version !== state.live && version !== leaving && !(String(version) in state.quarantined),
  );
  return fit.at(-1) ?? null;
}
