import { isDeepStrictEqual } from 'node:util';
import type { FencedRoute } from '../../temporal/contracts/route.js';

export type FenceVerdict = 'apply' | 'same' | 'stale';

/** Whether a write is newer than what is in force, is that very write again, or comes too late. */
export function compareFences(inForce: FencedRoute, write: FencedRoute): FenceVerdict {
  if (write.fence > inForce.fence) return 'apply';
  if (write.fence === inForce.fence && isDeepStrictEqual(write.route, inForce.route)) return 'same';
  return 'stale';
}
