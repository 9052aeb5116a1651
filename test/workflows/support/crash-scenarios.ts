import { isDeepStrictEqual } from 'node:util';
import type { ApprovalView } from '../../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { RolloutPolicy } from '../../../temporal/contracts/rollout.js';
import type { RetrainResult, RolloutResult } from '../../../temporal/contracts/runs.js';
import type { ShadowReport } from '../../../temporal/contracts/shadow.js';
import { vendorName } from '../../../temporal/ids.js';
import { definition, model } from '../policy/tag/tags.js';
import { effectsOf, seen, settled } from './crash-effects.js';
import { PoolOnServer } from './pool.js';
import { startRetrain, startRollout, startShadow } from './runs.js';
import { TagOnServer } from './tag.js';
import { unique, until, type World } from './world.js';

/** What is done while workers die: `prepare` is left in peace, `run` is not and tells what it came to. */
export interface Scenario {
  prepare(world: World): Promise<TagOnServer>;
  run(world: World, tag: TagOnServer): Promise<unknown>;
}

const metrics: ModelDefinition['gate']['metrics'] = [
  { name: 'auc', direction: 'higher', threshold: 0.6 },
];

/** A worker that dies while it retires a host is followed after some seconds. */
const HOST_GONE_MS = 90_000;

const YEARLY = { cron: '0 3 1 1 *', timezone: 'UTC' };

/** Whatever a rollout may call is called: the steps, the watch, the checks and the windows, which are always open. */
const EVERYTHING: RolloutPolicy = {
  steps: [{ weightPercent: 50, hold: '1s' }],
  watch: '1s',
  checks: [{ metric: 'error_rate', max: 0.05, minSamples: 10 }],
  checkEvery: '1s',
  windows: { allow: [{ cron: '* * * * *', duration: '5m' }] },
};

/**
 * Longer than the look at the mirror's figures that it begins with may take when its worker dies: of a window that is over
 * before its mirror has begun, something else would come.
 */
const WINDOW = '24s';

export type ScenarioName = 'retrain' | 'rollout' | 'rollback' | 'shadow';

/** The longest first, so that those that are played side by side end at about the same time. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  shadow: shadowFor(WINDOW),
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

/** A candidate is compared with the live model in the only slot of a pool, until its window is over by itself. */
export function shadowFor(duration: string): Scenario {
  return {
    async prepare(world) {
      const tag = await tagWith(world, [1]);
      const [candidate, incumbent] = [`${tag.tag}/2`, `${tag.tag}/1`];
      world.predictions.show(tag.tag, { candidate, incumbent, answered: 100, failed: 0 });
      world.monitoring.mirrorFlow(tag.tag, candidate, 100);
      await poolOf(world, tag).apply({ slots: 1 });
      await settled(world, tag);
      return tag;
    },
    async run(world, tag) {
      const before = world.routing.at(tag.tag).route;
      const run = await startShadow(world, tag.tag, {
        ...{ version: 2, pool: tag.tag, duration, fromReady: true },
        checks: [{ metric: 'disagreement_rate', max: 0.05 }],
      });
      const { window, registryRunId: _, ...report }: ShadowReport = await run.result();
      await until(
        () => world.hosting.modelsOf(tag.tag),
        ({ length }) => length === 1,
        HOST_GONE_MS,
      );
      const pairs = vendorName(`${run.workflowId}/${run.firstExecutionRunId}`);
      return {
        ...{ ...report, extended: window.extended },
        bookings: await bookedIn(world, tag),
        pairs: new Set(world.artifacts.puts.filter((uri) => uri.includes(pairs))).size,
        routeAsBefore: isDeepStrictEqual(world.routing.at(tag.tag).route, before),
      };
    },
  };
}

const poolOf = (world: World, { tag }: TagOnServer): PoolOnServer => new PoolOnServer(world, tag);

/** Every booking that there ever was. */
async function bookedIn(world: World, tag: TagOnServer): Promise<unknown> {
  const ask = () => poolOf(world, tag).calendar();
  const bookings = await seen(world, ask, (answer) => answer !== null);
  return bookings?.map(({ version, state }) => [version, state]);
}

async function tagWith(world: World, versions: number[]): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('rolled-out'));
  await tag.define();
  for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
  for (const version of versions) await tag.promote(version);
  return tag;
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
