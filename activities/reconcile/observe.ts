import type { Client } from '@temporalio/client';
import type { Observation } from '../../temporal/contracts/reconcile.js';
import { parseModelId } from '../../temporal/ids.js';
import type { Compute } from '../compute/port.js';
import type { PoolActivities } from '../pools/activities.js';
import type { Hosting, KeptHost } from '../hosting/port.js';
import type { Registry } from '../registry/port.js';
import type { Routing } from '../routing/port.js';
import { answerOf, type Answer } from './answer.js';
import { isClosed } from './workflows.js';

export interface Stores {
  client: Client;
  compute: Compute;
  hosting: Hosting;
  registry: Registry;
  routing: Routing;
  /** Pools are workflows of this platform, and asked as a run asks them. */
  pools: Pick<PoolActivities, 'freeBooking'>;
}

interface Known {
  /** The run that holds the tag's lease. */
  holder: string | null;
  /** All hosts, when they have been listed already. */
  kept?: Answer<KeptHost[]>;
}

export async function observe(
  { client, hosting, registry, routing }: Stores,
  tag: string,
  { holder, kept }: Known,
): Promise<Observation> {
  const [route, shown, all, holderClosed] = await Promise.all([
    answerOf(() => routing.read(tag)),
    answerOf(async () => {
      const [aliases, statuses] = await Promise.all([
        registry.aliases(tag),
        registry.statuses(tag),
      ]);
      return { aliases, statuses };
    }),
    kept ?? answerOf(() => hosting.list()),
    holder === null ? false : isClosed(client, holder),
  ]);
  const hosts = 'value' in all ? { value: namesOf(all.value, tag) } : all;
  return { route, registry: shown, hosts, holderClosed };
}

const namesOf = (hosts: readonly KeptHost[], tag: string): string[] =>
  hosts.filter(({ modelId }) => parseModelId(modelId).tag === tag).map(({ name }) => name);
