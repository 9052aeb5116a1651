import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beatWhileRunning } from './alive.js';
import { CHANNEL_ARGS, firstPauseMs } from '../temporal/connection/channel.js';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import { ensureKeywordAttributes } from '../temporal/connection/search-attributes.js';
import { composeActivities, composePorts } from './compose.js';
import { parseConfig, readConfig, type WorkerConfig, type WorkerConfigInput } from './config.js';
import { OwnCalls } from './own-calls.js';
import { scheduleSweeps } from './reconcile-schedule.js';
import { secretOf } from './secrets.js';

const DEFAULT_GRACE_MS = 20_000;
/** What has not ended by then never will, and another worker takes it over. */
const AFTER_GRACE_MS = 10_000;
/** Workflows are small; this many stay in memory, the rest are replayed when they are needed. */
const CACHED_WORKFLOWS = 300;
/** A worker that dies holds a cached workflow's next task this long; the server's own default is 10 s. */
const STICKY_TIMEOUT = '3s';

export interface RunningWorker extends AsyncDisposable {
  /** Polls until `shutdown`; rejects when the worker fails. */
  run(): Promise<void>;
  /**
   * Takes no new work, lets what is under way finish within its grace, and resolves when the worker has stopped; rejects when
   * something has not ended ten seconds after the grace: end the process then, another worker takes over.
   */
  shutdown(): Promise<void>;
}

/** A worker of your own process; the file form reads what `modelyard.config.json` or `.ts` says. */
export async function createWorker(
  input: WorkerConfigInput | { file: string },
): Promise<RunningWorker> {
  const config = 'file' in input ? await readConfig(input.file) : parseConfig(input);
  const namespace = config.temporal?.namespace ?? 'default';
  const stopping = new AbortController();
  const calls = new OwnCalls(stopping.signal);
  const [connection, native] = await connected(config, calls);
  await nameAttributes(connection, namespace);
  const client = new Client({ connection, namespace });
  await sweepRegularly(client, config);
  const ports = await composePorts(config);
  const graceMs = config.shutdownGraceMs ?? DEFAULT_GRACE_MS;
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue: config.taskQueue,
    activities: await composeActivities(
      ports,
      { client, taskQueue: config.taskQueue },
      config.reconcile,
    ),
    interceptors: { activity: [beatWhileRunning, calls.endWithAttempt(connection)] },
    ...workflowCode(),
    maxCachedWorkflows: CACHED_WORKFLOWS,
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
    shutdownGraceTime: graceMs,
    shutdownForceTime: graceMs + AFTER_GRACE_MS,
  });
  return running(worker, stopping, async () => {
    await Promise.all([connection.close(), native.close()]);
  });
}

/** What its activities ask over, and what it polls over. */
function connected(
  { temporal }: WorkerConfig,
  calls: OwnCalls,
): Promise<[Connection, NativeConnection]> {
  const access = {
    address: temporal?.address ?? '127.0.0.1:7233',
    ...(temporal?.tls !== undefined && { tls: temporal.tls }),
    ...(temporal?.apiKey && { apiKey: secretOf(temporal.apiKey) }),
  };
  const retries = makeGrpcRetryInterceptor(
    defaultGrpcRetryOptions({ initialIntervalMs: firstPauseMs }),
  );
  const interceptors = [calls.endingWithAttempt(retries)];
  return Promise.all([
    Connection.connect({ ...access, channelArgs: CHANNEL_ARGS, interceptors }),
    NativeConnection.connect(access),
  ]);
}

/**
 * Runs cannot start without their search attributes. A worker that may not register them says so and goes on: somebody else
 * may have done it, and if not, every start names the attribute that is missing.
 */
async function nameAttributes(connection: Connection, namespace: string): Promise<void> {
  try {
    await ensureKeywordAttributes(connection, namespace, Object.keys(SEARCH_ATTRIBUTES));
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `search attributes ${Object.keys(SEARCH_ATTRIBUTES).join(', ')} could not be registered in ${namespace}: ${said}\n`,
    );
  }
}

/** A worker that may not schedule sweeps works all the same, and says that nobody looks for what differs. */
async function sweepRegularly(
  client: Client,
  { taskQueue, reconcile }: WorkerConfig & { taskQueue: string },
): Promise<void> {
  try {
    await scheduleSweeps(client, taskQueue, reconcile?.every);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    process.stderr.write(`the sweeps of ${taskQueue} could not be scheduled: ${said}\n`);
  }
}

function running(
  worker: Worker,
  stopping: AbortController,
  close: () => Promise<void>,
): RunningWorker {
  let done: Promise<void> | undefined;
  const run = (): Promise<void> => (done ??= worker.run().finally(close));
  const shutdown = async (): Promise<void> => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    stopping.abort();
    await (done ?? close());
  };
  return { run, shutdown, [Symbol.asyncDispose]: shutdown };
}

/** The bundle that the build made; from source, the workflows themselves. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = fileURLToPath(new URL('../workflows/bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return {
    workflowsPath: fileURLToPath(new URL(`../workflows/index.${extension}`, import.meta.url)),
  };
}
