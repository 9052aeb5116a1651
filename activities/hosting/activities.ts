import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { failure } from '../../temporal/errors.js';
import type { Hosting } from './port.js';

/** How long one attempt looks at a host: most are ready by then, and each further attempt costs an action. */
const LOOK_MS = 4_000;
/** A host starts in a second or two; asking more often than this only adds load. */
const POLL_MS = 200;

export function createHostingActivities({ hosting }: { hosting: Hosting }) {
  return {
    /** Creates or adopts the host; done once it answers and the digest it loaded is the one asked for. */
    async warmHost(host: HostSpec): Promise<void> {
      await hosting.ensure(host);
      const until = Date.now() + LOOK_MS;
      for (;;) {
        const seen = await hosting.observe(host.name);
        if (seen.phase === 'ready' && seen.digest === host.digest) return;
        const said = `host ${host.name} of ${host.modelId} is ${seen.phase}: ${seen.detail}`;
        if (seen.phase === 'unhealthy') throw failure('HostFailed', said);
        if (Date.now() >= until) {
          throw failure('HostNotReady', said, { nextRetryDelayMs: POLL_MS, benign: true });
        }
        heartbeat(seen.detail);
        await sleep(POLL_MS, undefined, { signal: cancellationSignal() });
      }
    },

    async retireHost(name: string): Promise<void> {
      await hosting.retire(name);
    },
  };
}
export type HostingActivities = ReturnType<typeof createHostingActivities>;
