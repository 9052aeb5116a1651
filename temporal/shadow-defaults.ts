/** Whatever a definition or a caller leaves out of its shadow window. */
export const SHADOW_DEFAULTS = {
  duration: '24h',
  samplingPercent: 100,
  pool: 'default',
  minRequests: 1_000,
} as const;

/** From its beginning to its end, with all that it is extended by. */
export const LONGEST_SHADOW_MS = 30 * 24 * 3_600_000;
