import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { FencedRoute, Route } from '../../temporal/contracts/route.js';
import { ModelTag } from '../../temporal/contracts/scalars.js';
import type { Log } from '../log.js';
import { parseInput } from '../parse-input.js';
import type { HostCheck, RouteStore } from './store.js';

const RouteWrite = z.strictObject({ fence: FencedRoute.shape.fence, route: Route });

export interface RouteAdminParts {
  routes: RouteStore;
  hosts: HostCheck;
  log: Log;
  /** Told of the route in force after a write, with the one before. */
  onWritten: (before: FencedRoute, after: FencedRoute) => void;
}

/** `/admin/routes`: where each tag's traffic goes. */
export function serveRouteAdmin(
  scope: FastifyInstance,
  { routes, hosts, log, onWritten }: RouteAdminParts,
): void {
  scope.get('/admin/routes', () => ({
    routes: routes.list(),
    unreadable: Object.fromEntries(routes.unreadable()),
  }));
  scope.get<{ Params: { tag: string } }>('/admin/routes/:tag', (request) =>
    routes.inForce(parseInput(ModelTag, request.params.tag, 'tag')),
  );
  scope.put<{ Params: { tag: string } }>('/admin/routes/:tag', async (request) => {
    const tag = parseInput(ModelTag, request.params.tag, 'tag');
    const { fence, route } = parseInput(RouteWrite, request.body, 'body');
    const before = routes.inForce(tag);
    const after = await routes.write({ tag, fence, route }, hosts);
    if (after.fence !== before.fence) {
      log('route-written', {
        tag,
        fence,
        live: route.live?.modelId ?? null,
        canary: route.canary?.modelId ?? null,
      });
      onWritten(before, after);
    }
    return after;
  });
}
