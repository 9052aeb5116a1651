import { z } from 'zod';
import { Digest, Instant, ModelId, ModelTag } from './scalars.js';

/** A host's name: derived from model id and digest in `names.ts`, the same for every backend. */
export const HostName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
export type HostName = z.infer<typeof HostName>;

export const RouteTarget = z.strictObject({ modelId: ModelId, host: HostName });
export type RouteTarget = z.infer<typeof RouteTarget>;

/** Where a tag's traffic goes. Computed by `routeOf(state)`, stored by the route store, never edited in place. */
export const Route = z.strictObject({
  live: RouteTarget.nullable(),
  canary: RouteTarget.extend({ weightPercent: z.number().gt(0).lte(100) }).optional(),
  mirror: RouteTarget.extend({
    samplingPercent: z.number().gt(0).lte(100),
    until: Instant,
  }).optional(),
});
export type Route = z.infer<typeof Route>;

/** A route with the fence it was written under; fence 0 and no live model: never written. */
export const FencedRoute = z.strictObject({
  tag: ModelTag,
  fence: z.int().nonnegative(),
  route: Route,
});
export type FencedRoute = z.infer<typeof FencedRoute>;

/** What a host is asked to serve. Immutable: another model or digest is another host. */
export const HostSpec = z.strictObject({
  name: HostName,
  target: z.string(),
  modelId: ModelId,
  modelUri: z.string().min(1),
  digest: Digest,
  task: z.string(),
  /** 'shared': on a server that it has in common with the other shared hosts of its target. Absent: a server of its own. */
  kind: z.enum(['dedicated', 'shared']).optional(),
});
export type HostSpec = z.infer<typeof HostSpec>;

export const HostObservation = z.object({
  phase: z.enum(['starting', 'ready', 'unhealthy', 'gone']),
  /** What the host says it loaded; 'ready' only when it equals the digest asked for. */
  digest: z.string().nullable(),
  detail: z.string(),
});
export type HostObservation = z.infer<typeof HostObservation>;
