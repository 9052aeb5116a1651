import type { ApprovalView } from '../../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { RolloutPolicy } from '../../../temporal/contracts/rollout.js';
import type { RetrainResult, RolloutResult } from '../../../temporal/contracts/runs.js';
import { verifyChain } from '../../../sdk/ledger-chain.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import { definition, model } from '../policy/tag/tags.js';
import { startRetrain, startRollout } from './runs.js';
import { TagOnServer } from './tag.js';
import { unique, until, type World } from './world.js';

/** What is done while workers die: `prepare` is left in peace, `run` is not and tells what it came to. */
export interface Scenario {
  prepare(world: World): Promise<TagOnServer>;
  run(world: World, tag: TagOnServer): Promise<unknown>;
}

/** A query that meets no worker is asked again after this. */
const ASK_AGAIN_MS = 2_000;
const PATIENCE_MS = 180_000;

const metrics: ModelDefinition['gate']['metrics'] = [
  { name: 'auc', direction: 'higher', threshold: 0.6 },
];

const YEARLY = { cron: '0 3 1 1 *', timezone: 'UTC' };

/** Whatever a rollout may call is called: the steps, the watch, the checks and the windows, which are always open. */
const EVERYTHING: RolloutPolicy = {
  steps: [{ weightPercent: 50, hold: '1s' }],
  watch: '1s',
  checks: [{ metric: 'error_rate', max: 0.05, minSamples: 10 }],
  checkEvery: '1s',
  windows: { allow: [{ cron: '* * * * *', duration: '5m' }] },
};

export const SCENARIOS: Readonly<Record<'retrain' | 'rollout' | 'rollback', Scenario>> = {
  /** A tag is defined, and retrained to its first model, which its gate hands to a rollout. */
  retrain: {
    prepare: (world) => Promise.resolve(new TagOnServer(world, unique('retrained'))),
    async run(world, tag) {
      await tag.define({ gate: { metrics, autoPromote: true }, schedule: YEARLY });
      const run = await startRetrain(world, tag.tag, { params: { quality: 0.7 } });
      const { decision, modelId, rolloutWorkflowId }: RetrainResult = await run.result();
      const handle = world.client.workflow.getHandle(rolloutWorkflowId ?? '');
      const { outcome } = (await handle.result()) as RolloutResult;
      return { decision, modelId, outcome };
    },
  },
  /** A candidate that somebody approves gets a share of the traffic, all of it, and is watched. */
  rollout: {
    async prepare(world) {
      const tag = await tagWith(world, [1]);
      const gate = { ...definition.gate, approval: { required: 1 } };
      await tag.define({ gate, rollout: EVERYTHING });
      const fine = { requests: 100, errors: 0, ms: 20 };
      world.monitoring.flow(tag.tag, { [`${tag.tag}/1`]: fine, [`${tag.tag}/2`]: fine });
      await settled(world, tag);
      return tag;
    },
    async run(world, tag) {
      const run = await startRollout(world, tag.tag, { version: 2 });
      const asking = await seen(
        world,
        () => tag.handle.query<ApprovalView | null>('approval'),
        (view) => view !== null,
      );
      const approval = { key: unique('approval'), actor: 'bob' };
      await tag.persist('approve', { subject: asking?.subject }, approval);
      const { outcome, modelId } = await run.result();
      return { outcome, modelId };
    },
  },
  /** The live model is left for the one before. */
  rollback: {
    async prepare(world) {
      const tag = await tagWith(world, [1, 2]);
      await settled(world, tag);
      return tag;
    },
    async run(_, tag) {
      const { action, from, to } = await tag.persist<Record<'action' | 'from' | 'to', string>>(
        'rollback',
        {},
        { key: unique('rollback') },
      );
      return { action, from, to };
    },
  },
};

async function tagWith(world: World, versions: number[]): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('rolled-out'));
  await tag.define();
  for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
  for (const version of versions) await tag.promote(version);
  return tag;
}

/** Waits until the tag owes nobody anything, also over the deaths of its workers. */
const settled = (world: World, tag: TagOnServer) =>
  seen(
    world,
    () => tag.status(),
    (status) =>
      status !== null &&
      status.registry.inSync &&
      status.registry.pending === 0 &&
      status.serving.inSync &&
      status.rollout === null,
  );

function seen<Answer>(
  { client }: World,
  ask: () => Promise<Answer>,
  awaited: (answer: Answer | null) => boolean,
): Promise<Answer | null> {
  const patiently = (): Promise<Answer | null> =>
    client.withDeadline(Date.now() + ASK_AGAIN_MS, ask).catch(() => null);
  return until(patiently, awaited, PATIENCE_MS);
}

/**
 * Plays a scenario to its end, and answers with what it came to and with all that the outside world and the ledger have of its
 * tag, each effect once, however often it was asked for. The tag is called the same, so that two runs can be compared.
 */
export async function played(world: World, scenario: Scenario, tag: TagOnServer) {
  const result = await scenario.run(world, tag);
  const effects = { result, ...(await effectsOf(world, tag)) };
  return JSON.parse(JSON.stringify(effects).replaceAll(tag.tag, 'tag')) as typeof effects;
}
export type Effects = Awaited<ReturnType<typeof played>>;

async function effectsOf(world: World, tag: TagOnServer) {
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
        .map(({ fence, live, route }) =>
          [`fence ${String(fence)}`, live, route.canary?.weightPercent].join(' '),
        ),
    ),
    ledger: journal.map(({ action, from, to, outcome }) => [action, from, to, outcome].join(' ')),
    chain: verifyChain(journal, head),
    hosts: hosting.modelsOf(name),
    runs: registry.runsOf(name).map(({ status, tags }) => [status, tags[REGISTRY_TAGS.decision]]),
    aliases: registry.projections.get(name)?.aliases,
    open: status?.rollout ?? null,
  };
}

const distinct = (texts: string[]): string[] => [...new Set(texts)];
