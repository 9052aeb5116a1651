import type { MirrorFigures } from '../../temporal/contracts/predictions.js';
import type { ShadowRequests } from '../../temporal/contracts/shadow.js';

export const NO_REQUESTS: ShadowRequests = { eligible: 0, mirrored: 0, dropped: 0, failed: 0 };

/**
 * What was counted of a candidate after the first of two readings, up to the second; `before` is null when nothing was read
 * until then. A gateway that began anew in between counts from zero, and what it had counted since the first reading is lost.
 */
export function requestsBetween(
  before: MirrorFigures | null,
  now: MirrorFigures,
  candidate: string,
): ShadowRequests {
  const known = before?.epoch === now.epoch ? before.candidates[candidate] : undefined;
  const from = known ?? NO_REQUESTS;
  const to = now.candidates[candidate] ?? NO_REQUESTS;
  return perCount((count) => Math.max(0, to[count] - from[count]));
}

export const added = (one: ShadowRequests, other: ShadowRequests): ShadowRequests =>
  perCount((count) => one[count] + other[count]);

const perCount = (of: (count: keyof ShadowRequests) => number): ShadowRequests => ({
  eligible: of('eligible'),
  mirrored: of('mirrored'),
  dropped: of('dropped'),
  failed: of('failed'),
});
