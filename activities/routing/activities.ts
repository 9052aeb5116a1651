import type { FencedRoute, HostSpec, Route } from '../../temporal/contracts/route.js';
import { failure, isFailure } from '../../temporal/errors.js';
import type { Hosting } from '../hosting/port.js';
import type { Routing } from './port.js';

export interface TrafficMove {
  tag: string;
  route: Route;
  fence: number;
  /** Specs of the hosts the route names, so that one that is gone or cold is made again before traffic goes there. */
  hosts: HostSpec[];
}

export function createRoutingActivities({
  routing,
  hosting,
}: {
  routing: Routing;
  hosting: Hosting;
}) {
  return {
    /**
     * Writes the route and answers with the one in force. The route store refuses a host that is not ready; then the
     * hosts are ensured and the refusal is thrown on, to be tried again by the retry policy. A host that cannot become
     * ready (HostFailed) ends the tries, so that whoever asked can name another model.
     */
    async moveTraffic({ tag, route, fence, hosts }: TrafficMove): Promise<FencedRoute> {
      try {
        return await routing.write(tag, route, fence);
      } catch (error) {
        if (!isFailure(error, 'HostNotReady')) throw error;
        for (const host of hosts) await revive(hosting, host);
        throw error;
      }
    },
  };
}
async function revive(hosting: Hosting, host: HostSpec): Promise<void> {
  await hosting.ensure(host);
  const { phase, detail } = await hosting.observe(host.name);
  if (phase !== 'unhealthy') return;
  throw failure('HostFailed', `host ${host.name} of ${host.modelId} is unhealthy: ${detail}`);
}
export type RoutingActivities = ReturnType<typeof createRoutingActivities>;
