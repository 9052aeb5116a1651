import { hash } from 'node:crypto';
import type { Route, RouteTarget } from '../../temporal/contracts/route.js';

/** The target for a request: the same request id always falls on the same side of a canary's weight. Null: nothing is live. */
export function pickTarget(route: Route, requestId: string): RouteTarget | null {
  const { live, canary } = route;
  if (!canary) return live;
  return percentileOf(requestId) < canary.weightPercent ? canary : live;
}

/** Spreads request ids evenly over [0, 100). */
export function percentileOf(requestId: string): number {
  return (hash('sha256', requestId, 'buffer').readUInt32BE(0) / 2 ** 32) * 100;
}
