import { EVERY_TAG } from '../../temporal/ids.js';
import { SEARCH_ATTRIBUTES, WORKFLOWS } from '../../temporal/names.js';
import { resolveOptions, type ResolvedOptions } from '../options.js';
import { read } from '../reads.js';
import { callService, openSession, type Session } from '../session.js';
import * as messages from '../../temporal/messages.js';
import { askWorker, lastSeen } from '../worker-answers.js';

const TIMEOUT_MS = 5_000;
const MAX_CLOCK_SKEW_MS = 5_000;
const WORKER_FRESH_MS = 90_000;
const MINIMUM_SERVER = [1, 29, 1];

export interface Finding {
  check: string;
  ok: boolean;
  detail: string;
}

/** Looks at everything a client depends on, goes on after each failure, and says what to do. */
export async function examine(): Promise<Finding[]> {
  const options = resolveOptions();
  const temporal = await examineTemporal(options);
  const mlflow = await examineHttp('MLflow', options.mlflow.trackingUri, {
    path: '/health',
    variable: 'MLFLOW_TRACKING_URI',
    authorization: options.mlflow.authorization,
  });
  const gateway = await examineHttp('gateway', options.gateway.url, {
    path: '/healthz',
    variable: 'MODELYARD_GATEWAY_URL',
    authorization: null,
  });
  return [{ check: 'Node', ok: true, detail: process.version }, ...temporal, ...mlflow, ...gateway];
}

async function examineTemporal(options: ResolvedOptions): Promise<Finding[]> {
  let session: Session;
  try {
    session = await openSession(options);
  } catch (error) {
    return [{ check: 'Temporal', ok: false, detail: messageOf(error) }];
  }
  try {
    const server = await finding('Temporal', () => serverVersion(session));
    const attributes = await finding('search attributes', () => searchAttributes(session));
    const worker = await finding('worker', () => workerSeen(session));
    const compute = worker.ok ? await examineCompute(session) : [unseen('no worker answers')];
    return [server, attributes, worker, ...compute];
  } finally {
    await session.close();
  }
}

async function serverVersion({ connection, options }: Session): Promise<string> {
  const { serverVersion: version } = await connection.workflowService.getClusterInfo({});
  const numbers = version.split('.').map(Number);
  const older = MINIMUM_SERVER.findIndex((minimum, index) => (numbers[index] ?? 0) !== minimum);
  if (older >= 0 && (numbers[older] ?? 0) < (MINIMUM_SERVER[older] ?? 0)) {
    throw new Error(
      `server ${version} at ${options.temporal.address}; expected ${MINIMUM_SERVER.join('.')} or newer`,
    );
  }
  return `server ${version} at ${options.temporal.address}, namespace ${options.temporal.namespace}`;
}

async function searchAttributes(session: Session): Promise<string> {
  const { namespace } = session.options.temporal;
  const { customAttributes } = await callService(session, () =>
    session.connection.operatorService.listSearchAttributes({ namespace }),
  );
  const missing = Object.keys(SEARCH_ATTRIBUTES).filter(
    (name) => !Object.hasOwn(customAttributes, name),
  );
  if (missing.length > 0)
    throw new Error(
      `${missing.join(', ')} missing in ${namespace}; a worker registers them when it starts`,
    );
  return 'registered';
}

async function workerSeen(session: Session): Promise<string> {
  const { taskQueue } = session.options;
  const tag = await anyTag(session);
  if (tag !== null) {
    await askWorker(session, () =>
      session.client.workflow.getHandle(tag).query(messages.tagStatus),
    );
    return `answers on ${taskQueue}`;
  }
  // Nothing is there to ask about; an idle worker comes for work at least once a minute.
  const seenMsAgo = Date.now() - (await lastSeen(session));
  if (seenMsAgo > WORKER_FRESH_MS)
    throw new Error(
      `nobody works on ${taskQueue}; start a worker (modelyard dev) or correct MODELYARD_TASK_QUEUE`,
    );
  return `polls ${taskQueue}`;
}

/** Where jobs run is known to the worker alone. */
async function examineCompute(session: Session): Promise<Finding[]> {
  try {
    const found = await read(session, { what: 'compute', tag: EVERY_TAG });
    if (found === undefined) return [unseen('the worker is of an older release; update it')];
    return found.map(({ what, ok, detail }) => ({ check: `compute ${what}`, ok, detail }));
  } catch (error) {
    return [unseen(messageOf(error))];
  }
}

const unseen = (why: string): Finding => ({
  check: 'compute',
  ok: false,
  detail: `could not be looked at: ${why}`,
});

/** The id of a workflow that only a worker of the queue can answer for; null while there is none. */
async function anyTag({ client, options }: Session): Promise<string | null> {
  const query = `WorkflowType = '${WORKFLOWS.tag}' AND ExecutionStatus = 'Running' AND TaskQueue = '${options.taskQueue}'`;
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 1 }))
    return workflowId;
  return null;
}

async function examineHttp(
  name: string,
  url: string | null,
  place: { path: string; variable: string; authorization: string | null },
): Promise<Finding[]> {
  if (url === null)
    return [
      {
        check: name,
        ok: true,
        detail: `not configured (${place.variable}); only needed by some verbs`,
      },
    ];
  const askedAt = Date.now();
  const clock: { skewMs?: number } = {};
  const reached = await finding(name, async () => {
    const response = await fetch(`${url.replace(/\/+$/, '')}${place.path}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(place.authorization !== null && { headers: { authorization: place.authorization } }),
    });
    const told = response.headers.get('date');
    // The header counts in whole seconds.
    if (told !== null)
      clock.skewMs = Math.max(
        0,
        Math.abs(new Date(told).getTime() + 500 - (askedAt + Date.now()) / 2) - 500,
      );
    if (!response.ok) throw new Error(`${url}${place.path} answered ${String(response.status)}`);
    return url;
  });
  const { skewMs } = clock;
  if (skewMs === undefined) return [reached];
  const ok = skewMs <= MAX_CLOCK_SKEW_MS;
  return [
    reached,
    {
      check: `${name} clock`,
      ok,
      detail: ok
        ? 'in step'
        : `${String(Math.round(skewMs / 1000))} s apart; set both clocks by NTP`,
    },
  ];
}

async function finding(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, detail: await look() };
  } catch (error) {
    return { check, ok: false, detail: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
