import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Context } from '../context.ts';
import { rounded, spreadOf, type Spread } from '../statistics.ts';
import { requestsOf, type Requests } from './requests.ts';
import { runAll } from './run-all.ts';
import type { Servers } from './servers.ts';
import { startJobsWorker, type Memory } from './worker-process.ts';

const FAILURES_SAID = 3;

export interface Plan {
  /** Of its namespace, account and task queue; fit for a job's name. */
  name: string;
  jobs: number;
  atOnce: number;
  image: string;
  /** Whether the worker's Role allows watches: without one it has to ask. */
  watch: boolean;
}

export interface Measured {
  jobs: number;
  failed: number;
  seconds: number;
  /** From the start of the run to its end, as its caller sees it. */
  run: Spread;
  requests: Requests & { perSecond: number };
  worker: {
    /** At the start, and after each quarter of the jobs. */
    memory: Memory[];
    /** What its heap grew by since the first quarter, which fills its caches. */
    heapKibEach: number;
  };
}

/** Jobs through one worker of their own, so many at once, each by a workflow that runs nothing else. */
export async function runArm(
  { cluster, address, codePath }: Servers,
  plan: Plan,
  { directory, say }: Context,
): Promise<Measured> {
  const { name, jobs, image } = plan;
  say(`${name}: ${String(jobs)} jobs, ${String(plan.atOnce)} at once`);
  await cluster.createNamespace(name);
  const account = await cluster.createAccount({ name, namespace: name, rules: rules(plan) });
  const kubeconfig = join(directory, `${name}.kubeconfig`);
  await writeFile(kubeconfig, account.kubeconfig, { mode: 0o600 });
  const settings = { address, taskQueue: name, kubeconfig, namespace: name, image, codePath };
  const worker = await startJobsWorker(settings);
  const connection = await Connection.connect({ address });
  try {
    const ran = await runAll(plan, new Client({ connection }), () => worker.memory());
    for (const why of ran.failed.slice(0, FAILURES_SAID)) say(why);
    const requests = requestsOf(await cluster.audited(), account.user, jobs);
    return {
      jobs,
      failed: ran.failed.length,
      seconds: rounded(ran.seconds),
      run: spreadOf(ran.tookMs),
      requests: { ...requests, perSecond: rounded(requests.inAll / ran.seconds) },
      worker: { memory: ran.memory, heapKibEach: heapKibEach(ran.memory, jobs) },
    };
  } finally {
    await worker.stop();
    await connection.close();
  }
}

/** As deploy/kubernetes/job-namespace/access.yaml has them. */
function rules({ watch }: Plan) {
  const looks = ['get', 'list', ...(watch ? ['watch'] : [])];
  return [
    { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'patch', 'delete', ...looks] },
    { apiGroups: [''], resources: ['pods'], verbs: looks },
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  ];
}

function heapKibEach(memory: readonly Memory[], jobs: number): number {
  const [, first, ...later] = memory;
  const last = later.at(-1);
  if (first === undefined || last === undefined) return Number.NaN;
  const quarters = later.length / (memory.length - 1);
  return rounded(((last.heapMb - first.heapMb) * 1_024) / (jobs * quarters));
}
