import { z } from 'zod';
import { FencedRoute, type Route } from '../../temporal/contracts/route.js';
import { GatewayAdmin, type GatewayAdminOptions } from './gateway-admin.js';
import type { Routing } from './port.js';

const RouteList = z.object({ routes: z.array(FencedRoute) });

/**
 * Routes in the gateway. Fails with StaleFence (details: the fence and route in force), HostNotReady while a target it would send traffic to
 * is not ready, GatewayRefused, or GatewayUnavailable when there is no answer.
 */
export function createGatewayRouting(options: GatewayAdminOptions): Routing {
  const admin = new GatewayAdmin(options);
  const pathOf = (tag: string): string => `/admin/routes/${encodeURIComponent(tag)}`;
  return {
    // The gateway answers from what it serves by now, so its answer is the read back.
    write: (tag: string, route: Route, fence: number) =>
      admin.call({ method: 'PUT', path: pathOf(tag), body: { fence, route }, answer: FencedRoute }),
    read: (tag: string) => admin.call({ method: 'GET', path: pathOf(tag), answer: FencedRoute }),
    list: async () => {
      const { routes } = await admin.call({
        method: 'GET',
        path: '/admin/routes',
        answer: RouteList,
      });
      return routes;
    },
  };
}
