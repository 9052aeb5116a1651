import type { FencedRoute, Route } from '../../temporal/contracts/route.js';

/** Writes where a tag's traffic goes. The fence is the only defence against an old attempt that wakes up late. */
export interface Routing {
  /**
   * Resolves with the route in force after the write. Refused with StaleFence when the store holds a higher fence, or the
   * same fence with other content; the same fence with the same content is the same write again.
   */
  write(tag: string, route: Route, fence: number): Promise<FencedRoute>;
  /** Fence 0 and no live model when the tag was never written. */
  read(tag: string): Promise<FencedRoute>;
  /** The routes of all tags that were ever written. */
  list(): Promise<FencedRoute[]>;
}
