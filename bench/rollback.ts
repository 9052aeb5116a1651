import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Platform, type ModelDefinition, type RolloutHandle } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { obtainTools } from '../dist/sdk/dev/setup/tools.mjs';
import type { Context } from './context.ts';
import { keepAsking, type Answer } from './load.ts';
import { rounded, spreadOf } from './statistics.ts';

const TAG = 'bench';
const REPETITIONS = 200;
const CONNECTIONS = 16;
/** Leaves the machine room for the platform: with none, the callers measure each other. */
const PAUSE_MS = 20;
/** Of answers by the bad model before it is rolled back, and of looking whether any comes after. */
const LOAD_MS = { before: 150, after: 250 };
const [GOOD, BAD] = [1, 2] as const;
/** Small steps with no pause between them, so that a shift of the traffic nearly always holds the tag. */
const STEPS = Array.from({ length: 19 }, (_, step) => ({
  weightPercent: 5 * (step + 1),
  hold: '1ms',
}));
/** Into the climb of the candidate's share at the latest, when it is rolled back on its way. */
const CLIMB_MS = 700;
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/**
 * Rolls a bad model back while callers ask the gateway all the time and MLflow does not answer: every other time after it went
 * live, the others while its share of the traffic grows. From the call of `rollback` to the last answer by the bad model that
 * any caller received, on a whole stack with real models.
 */
export async function measureRollback({ directory, say }: Context): Promise<object> {
  const { python } = await obtainTools({ report: say });
  const data = join(directory, 'data.parquet');
  execFileSync(python, [path('model/data.py'), data]);
  say('starting a stack');
  await using stack = await startStack({ directory: join(directory, 'stack') });
  await using platform = await Platform.connect({
    temporal: { address: stack.temporal.address },
    mlflow: { trackingUri: stack.mlflow.url },
    gateway: { url: stack.gateway.url },
    actor: 'bench',
  });
  say('training two models');
  await platform.models.apply(definitionOf(data));
  for (const expected of [GOOD, BAD]) {
    const { modelId } = await (await platform.retrain(TAG)).result();
    if (modelId !== `${TAG}/${String(expected)}`) throw new Error(`got ${String(modelId)}`);
  }
  await (await promote(platform, GOOD)).result();
  const callers = new Callers(stack.gateway.url);
  const mlflow = await pidOf(join(directory, 'stack', 'processes', 'mlflow.json'));
  const measured: Rollback[] = [];
  try {
    for (let turn = 0; turn < REPETITIONS; turn += 1) {
      if (turn % 10 === 0) say(`rollback ${String(turn)} of ${String(REPETITIONS)}`);
      const when = turn % 2 === 0 ? 'live' : 'shifting';
      measured.push(await rollBackOnce(platform, { callers, mlflow, when }));
    }
  } finally {
    process.kill(mlflow, 'SIGCONT');
    await callers.stop();
  }
  const entries = await platform.ledger(TAG, { limit: 100_000 });
  return {
    n: REPETITIONS,
    connections: CONNECTIONS,
    requests: callers.asked,
    rps: rounded(callers.rps),
    failedRequests: callers.failed,
    live: summed(measured.filter(({ when }) => when === 'live')),
    shifting: summed(measured.filter(({ when }) => when === 'shifting')),
    shiftsSuperseded: entries.filter(
      ({ action, outcome }) => action === 'shift' && outcome === 'superseded',
    ).length,
  };
}

function summed(measured: Rollback[]): object {
  return {
    n: measured.length,
    callToLastBadAnswer: spreadOf(measured.map(({ lastAnswerMs }) => lastAnswerMs)),
    callToLastBadRequest: spreadOf(measured.map(({ lastRequestMs }) => lastRequestMs)),
    call: spreadOf(measured.map(({ callMs }) => callMs)),
    longest: measured.toSorted((one, other) => other.lastAnswerMs - one.lastAnswerMs).slice(0, 3),
  };
}

async function pidOf(recordFile: string): Promise<number> {
  return (JSON.parse(await readFile(recordFile, 'utf8')) as { pid: number }).pid;
}

interface Rollback {
  /** When `rollback` was called, by which the histories of a slow one are found. */
  calledAt: string;
  /** The bad model was live, or a candidate whose share grew. */
  when: 'live' | 'shifting';
  /** From the call to the last answer by the bad model, however long ago its request was sent. */
  lastAnswerMs: number;
  /** From the call to the last request that the bad model answered. */
  lastRequestMs: number;
  /** How long the call itself took. */
  callMs: number;
}

async function rollBackOnce(
  platform: Platform,
  { callers, mlflow, when }: { callers: Callers; mlflow: number; when: Rollback['when'] },
): Promise<Rollback> {
  const rollout = await promoted(platform, when);
  callers.forget();
  await sleep(when === 'live' ? LOAD_MS.before : Math.random() * CLIMB_MS);
  process.kill(mlflow, 'SIGSTOP');
  const bad = `${TAG}/${String(BAD)}`;
  const calledAt = new Date().toISOString();
  const calledAtMs = performance.now();
  await platform.rollback(TAG, { from: BAD, reason: 'a benchmark says it is bad' });
  const callMs = rounded(performance.now() - calledAtMs);
  await sleep(LOAD_MS.after);
  const byBad = callers.answers.filter(({ modelId }) => modelId === bad);
  process.kill(mlflow, 'SIGCONT');
  await rollout.result();
  // A rollback quarantines what it leaves.
  await platform.release(TAG, BAD, { reason: 'for the next round' });
  const since = (instants: number[]): number =>
    rounded(Math.max(0, Math.max(...instants) - calledAtMs));
  return {
    calledAt,
    when,
    lastAnswerMs: since(byBad.map(({ answeredAtMs }) => answeredAtMs)),
    lastRequestMs: since(byBad.map(({ sentAtMs }) => sentAtMs)),
    callMs,
  };
}

/** The bad model's rollout: committed, or with its first share of the traffic. */
async function promoted(platform: Platform, when: Rollback['when']): Promise<RolloutHandle> {
  const rollout = await promote(platform, BAD);
  if (when === 'live') {
    await rollout.committed();
    return rollout;
  }
  for (;;) {
    const { rollout: candidate } = await platform.status(TAG);
    if (candidate && candidate.weightPercent > 0) return rollout;
    await sleep(5);
  }
}

async function promote(platform: Platform, version: number): Promise<RolloutHandle> {
  const reason = 'a benchmark needs it live';
  return platform.promote(TAG, version, { reason, override: reason });
}

/** Callers that ask the gateway all the time. */
class Callers {
  answers: Answer[] = [];
  asked = 0;
  failed = 0;
  #going = true;
  readonly #startedAtMs = performance.now();
  readonly #asking: Promise<void>;

  constructor(origin: string) {
    const body = JSON.stringify({ dataframe_records: [{ distance: 1_000 }] });
    this.#asking = keepAsking({ origin, path: `/v1/tags/${TAG}/score`, body }, CONNECTIONS, {
      going: () => this.#going,
      pauseMs: PAUSE_MS,
      answered: (answer) => {
        this.answers.push(answer);
        this.asked += 1;
        this.failed += answer.status === 200 ? 0 : 1;
      },
    });
  }

  get rps(): number {
    return (this.asked / (performance.now() - this.#startedAtMs)) * 1_000;
  }

  forget(): void {
    this.answers = [];
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#asking;
  }
}

function definitionOf(data: string): ModelDefinition {
  return {
    tag: TAG,
    owner: { team: 'bench', contact: 'bench@example.org' },
    training: {
      task: 'regression',
      code: { kind: 'python', directory: path('model'), entry: 'train.py:train' },
      data: { kind: 'parquet', uri: data, timeColumn: 'at' },
      features: ['distance'],
      label: 'delay',
      holdout: { kind: 'last', duration: '7d' },
    },
    gate: { metrics: [{ name: 'rmse', direction: 'lower', threshold: 100 }], autoPromote: false },
    rollout: { steps: STEPS },
  };
}
