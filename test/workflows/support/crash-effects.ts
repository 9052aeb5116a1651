import { verifyChain } from '../../../sdk/ledger-chain.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type { RecordedRun } from './registry.js';
import type { RouteWrite } from './serving.js';
import type { TagOnServer } from './tag.js';
import { until, type World } from './world.js';

/** A query that meets no worker is asked again after this. */
const ASK_AGAIN_MS = 2_000;
const PATIENCE_MS = 180_000;

/** All that the outside world and the ledger have of a tag, each effect once, however often it was asked for. */
export async function effectsOf(world: World, tag: TagOnServer) {
  const { registry, routing, hosting, compute } = world;
  const name = tag.tag;
  const status = await settled(world, tag);
  const journal = registry.journals.get(name) ?? [];
  const head = { seq: status?.seq ?? -1, hash: status?.head ?? '' };
  return {
    jobs: [...compute.jobs.values()]
      .filter((job) => job.tag === name)
      .map(({ program }) => program.step),
    versions: registry.versionsOf(name).map(({ version }) => version),
    routes: distinct(
      routing
        .writesOf(name)
        .filter(({ refused }) => !refused)
        .map(described),
    ),
    ledger: journal.map(({ action, from, to, outcome }) => [action, from, to, outcome].join(' ')),
    chain: verifyChain(journal, head),
    hosts: hosting.modelsOf(name),
    runs: registry.runsOf(name).map(({ status, tags }) => [status, tags[REGISTRY_TAGS.decision]]),
    records: registry.runsOf(name).map(writtenOn),
    aliases: registry.projections.get(name)?.aliases,
    open: status?.rollout ?? status?.shadow ?? null,
  };
}

const described = ({ fence, live, route: { canary, mirror } }: RouteWrite): string =>
  [`fence ${String(fence)}`, live, canary?.weightPercent, ...(mirror ? [mirror.modelId] : [])].join(
    ' ',
  );

const writtenOn = ({ written }: RecordedRun): string[] =>
  [...written].map(([what, contents]) => `${what} ${String(contents.size)}`).sort();

const distinct = (texts: string[]): string[] => [...new Set(texts)];

/** Waits until the tag owes nobody anything, also over the deaths of its workers. */
export const settled = (world: World, tag: TagOnServer) =>
  seen(
    world,
    () => tag.status(),
    (status) =>
      status !== null &&
      status.registry.inSync &&
      status.registry.pending === 0 &&
      status.serving.inSync &&
      status.rollout === null &&
      status.shadow === null,
  );

/** The answer awaited; what meets no worker is asked again. */
export function seen<Answer>(
  { client }: World,
  ask: () => Promise<Answer>,
  awaited: (answer: Answer | null) => boolean,
): Promise<Answer | null> {
  const patiently = (): Promise<Answer | null> =>
    client.withDeadline(Date.now() + ASK_AGAIN_MS, ask).catch(() => null);
  return until(patiently, awaited, PATIENCE_MS);
}
