import type { HostSpec } from '../../temporal/contracts/route.js';
import { failure } from '../../temporal/errors.js';
import type { Hosting } from './port.js';

/** A host starts in a second or two; asking more often than this only adds load. */
const POLL_MS = 300;

export function createHostingActivities({ hosting }: { hosting: Hosting }) {
  return {
    /** Creates or adopts the host; done once it answers and the digest it loaded is the one asked for. */
    async warmHost(host: HostSpec): Promise<void> {
      await hosting.ensure(host);
      const seen = await hosting.observe(host.name);
      if (seen.phase === 'ready' && seen.digest === host.digest) return;
      if (seen.phase === 'unhealthy') {
        throw failure(
          'HostFailed',
          `host ${host.name} of ${host.modelId} is unhealthy: ${seen.detail}`,
        );
      }
      throw failure(
        'HostNotReady',
        `host ${host.name} of ${host.modelId} is ${seen.phase}: ${seen.detail}`,
        {
          nextRetryDelayMs: POLL_MS,
          benign: true,
        },
      );
    },

    async retireHost(name: string): Promise<void> {
      await hosting.retire(name);
    },
  };
}
export type HostingActivities = ReturnType<typeof createHostingActivities>;
