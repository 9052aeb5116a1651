import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { KubernetesComputeOptions } from '../../../activities/compute/kubernetes.js';
import type { JobObservation, JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { withOwnMounts } from '../../support/own-mounts.js';
import type { Compiled } from './compiled.js';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A file system of its own at /var/run, which only this process and its children see. */
const MOUNTED = `mount -t tmpfs none "$(readlink -f /var/run)" && mkdir -p ${ACCOUNT} && mount --bind "$0" ${ACCOUNT}`;

/** Answers one line for each line that it reads. */
const PROGRAM = `
  import { createInterface } from 'node:readline';
  import { createKubernetesCompute } from './activities/compute/kubernetes.js';
  const options = JSON.parse(process.argv[2]);
  const compute = createKubernetesCompute({ ...options, cluster: 'in-cluster', artifacts: {} });
  for await (const line of createInterface(process.stdin)) {
    const { call, of } = JSON.parse(line);
    const answer = await compute[call](of).then(
      (value) => ({ value }),
      ({ type, message }) => ({ failed: { type, message } }),
    );
    console.log(JSON.stringify(answer));
  }
`;

/** The adapter in a process that is where a pod's is. */
export interface InPod extends AsyncDisposable {
  ensure(job: JobSpec): Promise<JobRef>;
  observe(ref: JobRef): Promise<JobObservation>;
}

interface PodPosition {
  readonly server: string;
  /** What a pod has mounted: `ca.crt`, `namespace` and `token`. */
  readonly account: string;
  readonly options: KubernetesComputeOptions;
}

/** Replaces what stands in a pod's file as a kubelet does: whole. */
export async function mountToken(account: string, token: string): Promise<void> {
  const version = `token-${String(Date.now())}`;
  await writeFile(join(account, version), token);
  await symlink(version, join(account, 'next'));
  await rename(join(account, 'next'), join(account, 'token'));
}

export function startInPod(
  compiled: Compiled,
  { server, account, options: { artifacts: _, ...options } }: PodPosition,
): InPod {
  const { hostname, port } = new URL(server);
  const program = compiled.script('in-pod', PROGRAM);
  const adapter = [process.execPath, program, JSON.stringify(options)];
  const [command, ...args] = withOwnMounts(`${MOUNTED} && exec "$@"`, account, ...adapter);
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async <T>(call: string, of: unknown): Promise<T> => {
    child.stdin.write(`${JSON.stringify({ call, of })}\n`);
    const { value: line, done } = await lines.next();
    if (done) throw new Error('the process in the position of a pod ended');
    const { value, failed } = JSON.parse(line) as Answer<T>;
    if (failed) throw Object.assign(new Error(failed.message), failed);
    return value;
  };
  return {
    ensure: (job) => ask('ensure', job),
    observe: (ref) => ask('observe', ref),
    [Symbol.asyncDispose]: () => ended(child),
  };
}

interface Answer<T> {
  readonly value: T;
  readonly failed?: { readonly type: string; readonly message: string };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
