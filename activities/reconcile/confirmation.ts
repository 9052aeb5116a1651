import type { FencedRoute } from '../../temporal/contracts/route.js';
import { digestOf } from '../../temporal/digest.js';
import { failure } from '../../temporal/errors.js';
import { tagWorkflowId } from '../../temporal/ids.js';
import type { Stores } from './observe.js';

/** Asked of the tag before and after the store, so that a newer write of the tag is not taken for a foreign one. */
export async function confirmRoute(
  { client, routing }: Pick<Stores, 'client' | 'routing'>,
  { tag, mirrored }: { tag: string; mirrored: string },
): Promise<void> {
  const handle = client.workflow.getHandle(tagWorkflowId(tag));
  const before = await handle.query<FencedRoute | null>('meantRoute');
  const seen = await routing.read(tag);
  const meant = await handle.query<FencedRoute | null>('meantRoute');
  const settled = meant !== null && meant.fence === before?.fence;
  const same =
    settled && seen.fence === meant.fence && digestOf(seen.route) === digestOf(meant.route);
  if (same && seen.route.mirror?.modelId !== mirrored) return;
  throw failure(
    'RouteMismatch',
    `expected the route that ${tag} means, got fence ${String(seen.fence)}${seen.route.mirror ? ` with a mirror to ${seen.route.mirror.modelId}` : ''}`,
  );
}
