import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { Platform, type ModelDefinition } from 'modelyard';
import { startStack, type Stack } from 'modelyard/dev';
import type { Context } from './context.ts';
import {
  quietRuntime,
  startHandWrittenWorker,
  startPlatformWorker,
  type Connections,
} from './overhead/bench-worker.ts';
import { costOf, type Cost } from './overhead/history.ts';
import { instantPorts } from './overhead/instant-ports.ts';
import { mlflowPorts } from './overhead/mlflow-ports.ts';
import { Runs } from './overhead/runs.ts';
import { median, ratioOf, rounded, spreadOf } from './statistics.ts';

const ROUNDS = 30;
const WARM_UP_ROUNDS = 5;
/** Lets what the last run left to its tag (journal, aliases, hosts) end, so that it does not slow down the next one. */
const PAUSE_MS = 150;
const QUEUES = { instant: 'bench-instant', mlflow: 'bench-mlflow', byHand: 'bench-by-hand' };

/**
 * A retrain whose jobs take no time, against a workflow with as many activities that do nothing, in turns on one server.
 * In `instant` the registry, hosts and routes answer at once too, so that what is left is the platform; in `mlflow` the
 * registry is a real one.
 */
export async function measureOverhead({ directory, say }: Context): Promise<object> {
  quietRuntime();
  say('starting a stack');
  await using stack = await startStack({ directory: join(directory, 'stack') });
  say('measuring');
  return await onServersOf(stack);
}

/** Its own worker has another task queue, and nothing to do. */
async function onServersOf(stack: Stack): Promise<object> {
  const { address } = stack.temporal;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const connections = { client: new Client({ connection }), native };
  const workers = [
    await startPlatformWorker(connections, QUEUES.instant, instantPorts()),
    await startPlatformWorker(connections, QUEUES.mlflow, await mlflowPorts(stack.mlflow.url)),
    await startHandWrittenWorker(connections, QUEUES.byHand),
  ];
  try {
    return await measure(connections, stack);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all([connection.close(), native.close()]);
  }
}

type Arm = () => Promise<unknown>;

async function measure({ client }: Connections, stack: Stack): Promise<object> {
  await using instant = await platformOn(stack, QUEUES.instant);
  await using mlflow = await platformOn(stack, QUEUES.mlflow);
  await instant.models.apply(definitionOf('judged', false));
  await instant.models.apply(definitionOf('promoted', true));
  await mlflow.models.apply(definitionOf('recorded', false));
  const runs = new Runs(client);
  const costs = await costsOf(client, runs);
  const { local, remote } = costs.judged.activities;
  const byHand = (activities: Cost['activities']) => () => runs.byHand(activities, QUEUES.byHand);
  const took = await inTurns({
    retrain: () => runs.retrain('judged', QUEUES.instant),
    sameActivities: byHand({ local, remote }),
    allRemote: byHand({ local: 0, remote: local + remote }),
    bySdk: async () => (await instant.retrain('judged')).result(),
    toLive: () => runs.retrainToLive('promoted', QUEUES.instant),
    toLiveByHand: byHand(together(costs.promoted, costs.rollout)),
    mlflow: () => runs.retrain('recorded', QUEUES.mlflow),
  });
  return { n: ROUNDS, ...reportOf(took, costs) };
}

interface Costs {
  judged: Cost;
  promoted: Cost;
  rollout: Cost;
}

/** Of a retrain that ends with its verdict, and of one whose candidate replaces a live model. */
async function costsOf(client: Client, runs: Runs): Promise<Costs> {
  const { workflowId } = await runs.retrain('judged', QUEUES.instant);
  await runs.retrainToLive('promoted', QUEUES.instant);
  const [promoted, rollout] = await runs.retrainToLive('promoted', QUEUES.instant);
  return {
    judged: await costOf(client, workflowId),
    promoted: await costOf(client, promoted),
    rollout: await costOf(client, rollout),
  };
}

type ArmName =
  'retrain' | 'sameActivities' | 'allRemote' | 'bySdk' | 'toLive' | 'toLiveByHand' | 'mlflow';

function reportOf(took: Record<ArmName, number[]>, costs: Costs): object {
  return {
    retrain: {
      ...spreadOf(took.retrain),
      overByHand: ratioOf(took.retrain, took.sameActivities),
      overByHandAllRemote: ratioOf(took.retrain, took.allRemote),
      cost: costs.judged,
      byHand: {
        sameActivities: spreadOf(took.sameActivities),
        allRemote: spreadOf(took.allRemote),
      },
      bySdk: { ...spreadOf(took.bySdk), overByHand: ratioOf(took.bySdk, took.sameActivities) },
    },
    retrainToLive: {
      ...spreadOf(took.toLive),
      overByHand: ratioOf(took.toLive, took.toLiveByHand),
      cost: { retrain: costs.promoted, rollout: costs.rollout },
      byHand: spreadOf(took.toLiveByHand),
    },
    retrainOnMlflow: {
      ...spreadOf(took.mlflow),
      registryMs: rounded(median(took.mlflow) - median(took.retrain)),
    },
  };
}

/** Every arm once per round, each round beginning with another one, so that none always runs in the wake of the same. */
async function inTurns<Name extends string>(
  arms: Record<Name, Arm>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(arms) as Name[];
  const took = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(Math.abs(round) + turn) % names.length];
      if (name === undefined) continue;
      const startedAt = performance.now();
      await arms[name]();
      if (round >= 0) took[name].push(performance.now() - startedAt);
      await sleep(PAUSE_MS);
    }
  }
  return took;
}

/** The tag writes the route between the rollout's steps: one more that the run waits for. */
function together(...costs: readonly Cost[]): Cost['activities'] {
  const sum = (kind: keyof Cost['activities']): number =>
    costs.reduce((total, { activities }) => total + activities[kind], 0);
  return { local: sum('local'), remote: sum('remote') + 1 };
}

export function platformOn({ temporal, mlflow }: Stack, taskQueue: string): Promise<Platform> {
  return Platform.connect({
    temporal: { address: temporal.address },
    mlflow: { trackingUri: mlflow.url },
    taskQueue,
    actor: 'bench',
  });
}

/** Code that comes as an image travels nowhere, so applying it needs nothing but the tag. */
export function definitionOf(tag: string, autoPromote: boolean): ModelDefinition {
  return {
    tag,
    owner: { team: 'bench', contact: 'bench@example.org' },
    training: {
      task: 'regression',
      code: { kind: 'image', image: `registry.example.org/trainer@sha256:${'b'.repeat(64)}` },
      data: { kind: 'parquet', uri: 's3://bucket/flights', timeColumn: 'at' },
      features: ['distance'],
      label: 'delay',
      holdout: { kind: 'last', duration: '7d' },
    },
    gate: {
      metrics: [{ name: 'rmse', direction: 'lower', threshold: 10, minImprovement: 0 }],
      autoPromote,
    },
  };
}
