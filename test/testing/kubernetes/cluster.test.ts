import { BatchV1Api, CoreV1Api, Watch, type V1Job } from '@kubernetes/client-node';
import { beforeEach, describe, expect, it } from 'vitest';
import { startTcpFaultProxy } from '../../../testing/index.js';
import { startProcessKubelet } from '../../../testing/kubernetes/kubelet/kubelet.js';
import { clientOf, useCluster } from '../../support/kubernetes/cluster.js';
import {
  isRunning,
  jobsIn,
  mainOf,
  SHELL_IMAGES,
  shellJob,
  until,
  type Jobs,
} from '../../support/kubernetes/jobs.js';

const NAMESPACE = 'jobs';
const FOREVER = 'while :; do sleep 0.1; done';

/** Keeps the pods of other tests off a node that goes away. */
const OWN = { key: 'own', effect: 'NoSchedule' };
const onNode = (name: string) => ({
  nodeSelector: { 'kubernetes.io/hostname': name },
  tolerations: [{ key: OWN.key, operator: 'Exists' }],
});

const cluster = useCluster({ images: SHELL_IMAGES });
let jobs: Jobs;
let made = false;
beforeEach(async () => {
  if (made) return;
  made = true;
  await cluster().createNamespace(NAMESPACE);
});
beforeEach(() => {
  jobs = jobsIn(cluster(), NAMESPACE);
});

const logOf = async (name: string, options: object = {}): Promise<string> => {
  const [pod] = await jobs.podsOf(name);
  return jobs.core.readNamespacedPodLog({
    namespace: NAMESPACE,
    name: pod?.metadata?.name ?? '',
    ...options,
  });
};

/** The types of a Job's conditions in the order they became true. */
async function conditionsOf(name: string): Promise<string[]> {
  const seen = new Set<string>();
  const watch = new Watch(clientOf(cluster()));
  const path = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
  const ended = Promise.withResolvers<undefined>();
  const see = (_type: string, job: V1Job): void => {
    for (const { type, status } of job.status?.conditions ?? [])
      if (status === 'True') seen.add(type);
    if (seen.has('Complete') || seen.has('Failed')) ended.resolve(undefined);
  };
  const options = { fieldSelector: `metadata.name=${name}` };
  const stop = await watch.watch(path, options, see, () => ended.resolve(undefined));
  await ended.promise;
  stop.abort();
  return [...seen];
}

describe.concurrent('a cluster with a process kubelet', () => {
  it('runs a Job with what its pod says, and tells its log and its termination message (R6)', async () => {
    const script = [
      'echo "$GREETING $WHO"; cat /in/document.json; echo; cat $PLACE/key',
      'echo "{\\"pod\\":\\"$POD\\"}" > /dev/termination-log; echo bye',
    ].join('; ');
    const secret = { metadata: { name: 'hello' }, stringData: { key: 'secret\n', who: 'world' } };
    await jobs.core.createNamespacedSecret({ namespace: NAMESPACE, body: secret });
    const job = shellJob('complete', script, {
      annotations: { 'test/document': '{"a":"$(HOME)"}' },
      pod: {
        volumes: [
          {
            name: 'in',
            downwardAPI: {
              items: [
                {
                  path: 'document.json',
                  fieldRef: { fieldPath: "metadata.annotations['test/document']" },
                },
              ],
            },
          },
          { name: 'secret', secret: { secretName: 'hello' } },
        ],
      },
      container: {
        env: [
          { name: 'FIRST', value: 'hello' },
          { name: 'GREETING', value: '$(FIRST), $$(FIRST)' },
          { name: 'WHO', valueFrom: { secretKeyRef: { name: 'hello', key: 'who' } } },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
          { name: 'PLACE', value: '/secret' },
        ],
        volumeMounts: [
          { name: 'in', mountPath: '/in' },
          { name: 'secret', mountPath: '/secret' },
        ],
      },
    });
    await jobs.create(job);
    expect((await jobs.endOf('complete')).type).toBe('Complete');
    const [pod] = await jobs.podsOf('complete');
    expect(await logOf('complete')).toBe('hello, $(FIRST) world\n{"a":"$(HOME)"}\nsecret\nbye\n');
    expect(pod && mainOf(pod)?.terminated).toMatchObject({
      exitCode: 0,
      reason: 'Completed',
      message: `{"pod":"${pod?.metadata?.uid ?? ''}"}\n`,
    });
    expect(pod?.status?.phase).toBe('Succeeded');
  });

  it.each([
    ['succeeds', 0, 'SuccessCriteriaMet', 'Complete', 'CompletionsReached'],
    ['fails-user', 70, 'FailureTarget', 'Failed', 'PodFailurePolicy'],
    ['fails-other', 3, 'FailureTarget', 'Failed', 'BackoffLimitExceeded'],
  ])('%s: a Job whose program ends with %d is %s, and then %s', async (name, code, ...wanted) => {
    const [decided, final, reason] = wanted;
    const conditions = conditionsOf(name);
    await jobs.create(shellJob(name, `exit ${String(code)}`));
    expect(await conditions).toEqual([decided, final]);
    expect((await jobs.endOf(name)).reason).toBe(reason);
    const [pod] = await jobs.podsOf(name);
    expect(pod && mainOf(pod)?.terminated?.exitCode).toBe(code);
  });

  it('cuts a termination message at 4,096 bytes, and takes the log where a failed program left none', async () => {
    const long = `head -c 5000 /dev/zero | tr '\\0' x > /dev/termination-log`;
    await jobs.create(shellJob('long-message', long));
    const fallback = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    await jobs.create(shellJob('no-message', 'echo why; exit 1', { container: fallback }));
    await Promise.all([jobs.endOf('long-message'), jobs.endOf('no-message')]);
    const messageOf = async (name: string) => {
      const [pod] = await jobs.podsOf(name);
      return pod && mainOf(pod)?.terminated?.message;
    };
    expect(await messageOf('long-message')).toBe('x'.repeat(4_096));
    expect(await messageOf('no-message')).toBe('why\n');
  });

  it('serves logs by lines, bytes and age, and follows them until the program ends', async () => {
    const script = 'echo one; echo two; until [ -e go ]; do sleep 0.05; done; echo three';
    await jobs.create(shellJob('logs', script));
    await jobs.pod('logs', isRunning);
    await until('two lines', async () =>
      (await logOf('logs')) === 'one\ntwo\n' ? true : undefined,
    );
    expect(await logOf('logs', { tailLines: 1 })).toBe('two\n');
    expect(await logOf('logs', { limitBytes: 5 })).toBe('one\nt');
    expect(await logOf('logs', { sinceSeconds: 600 })).toBe('one\ntwo\n');
    expect(await logOf('logs', { timestamps: true })).toMatch(/^\S+Z one\n\S+Z two\n$/);
    const followed = logOf('logs', { follow: true });
    const { length } = cluster().kubelet.running();
    expect(length).toBeGreaterThan(0);
    await jobs.batch.deleteNamespacedJob({
      namespace: NAMESPACE,
      name: 'logs',
      body: { propagationPolicy: 'Background', gracePeriodSeconds: 1 },
    });
    expect(await followed).toBe('one\ntwo\n');
  });

  it('kills a program that holds more memory than its limit, and one that is to be (F15)', async () => {
    cluster().kubelet.inject(/oom-injected/, { kind: 'oom-kill', afterMs: 100 });
    await jobs.create(shellJob('oom-injected', FOREVER));
    const hoard = `exec "${process.execPath}" -e 'const a=[];setInterval(()=>a.push(Buffer.alloc(2e7,1)),20)'`;
    const resources = { limits: { memory: '300Mi' } };
    await jobs.create(shellJob('oom-real', hoard, { container: { resources } }));
    for (const name of ['oom-injected', 'oom-real']) {
      expect((await jobs.endOf(name)).reason).toBe('BackoffLimitExceeded');
      const [pod] = await jobs.podsOf(name);
      expect(pod && mainOf(pod)?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    }
  });

  it('replaces a pod that was evicted, and counts no failure (F15)', async () => {
    await jobs.create(shellJob('evicted', 'sleep 1; echo done'));
    await jobs.pod('evicted', isRunning);
    cluster().kubelet.strike(/evicted/, { kind: 'evict' });
    const first = await jobs.pod('evicted', ({ status }) => status?.phase === 'Failed');
    expect(first.status?.reason).toBe('Evicted');
    const target = first.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    expect(target).toMatchObject({ status: 'True', reason: 'TerminationByKubelet' });
    expect((await jobs.endOf('evicted')).type).toBe('Complete');
    const { status } = await jobs.batch.readNamespacedJob({
      namespace: NAMESPACE,
      name: 'evicted',
    });
    expect(status).toMatchObject({ succeeded: 1 });
    expect(status?.failed ?? 0).toBe(0);
  });

  it('pulls no image it does not know, and one that can be pulled again later (F15)', async () => {
    cluster().kubelet.inject(/pulled-later/, { kind: 'image-pull', forMs: 1_000 });
    await jobs.create(
      shellJob('unknown-image', 'true', { container: { image: 'no.such/image:1' } }),
    );
    await jobs.create(shellJob('pulled-later', 'true'));
    const reasonOf = (reason: string) => (pod: Parameters<typeof mainOf>[0]) =>
      mainOf(pod)?.waiting?.reason === reason;
    const pod = await jobs.pod('unknown-image', reasonOf('ImagePullBackOff'));
    expect(mainOf(pod)?.waiting?.message).toContain('no.such/image:1');
    expect(pod.status?.phase).toBe('Pending');
    expect((await jobs.endOf('pulled-later')).type).toBe('Complete');
  });

  it('waits for a Secret that is not there, and goes on when it is', async () => {
    const key = { secretKeyRef: { name: 'later', key: 'password' } };
    const env = [{ name: 'PASSWORD', valueFrom: key }];
    await jobs.create(shellJob('secret', 'echo $PASSWORD', { container: { env } }));
    const pod = await jobs.pod('secret', (each) => mainOf(each)?.waiting !== undefined);
    const waiting = await until('a reason', async () => {
      const [now] = await jobs.podsOf('secret');
      const state = now && mainOf(now)?.waiting;
      return state?.reason === 'CreateContainerConfigError' ? state : undefined;
    });
    expect(waiting.message).toContain('"later" not found');
    const body = { metadata: { name: 'later' }, stringData: { password: 'word' } };
    await jobs.core.createNamespacedSecret({ namespace: NAMESPACE, body });
    await jobs.endOf('secret');
    expect((await jobs.podsOf('secret'))[0]?.metadata?.uid).toBe(pod.metadata?.uid);
    expect(await logOf('secret')).toBe('word\n');
  });

  it('ends a pod that is over its time, after its grace (F17)', async () => {
    const pod = { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 };
    await jobs.create(shellJob('overdue', `trap '' TERM; ${FOREVER}`, { pod }));
    await jobs.endOf('overdue');
    const [ended] = await jobs.podsOf('overdue');
    expect(ended?.status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(ended && mainOf(ended)?.terminated?.exitCode).toBe(137);
  });

  it('lets a program of a deleted pod end by itself, and kills it after its grace', async () => {
    const pod = { terminationGracePeriodSeconds: 1 };
    await jobs.create(shellJob('stubborn', `trap '' TERM; ${FOREVER}`, { pod }));
    await jobs.pod('stubborn', isRunning);
    await jobs.batch.deleteNamespacedJob({
      namespace: NAMESPACE,
      name: 'stubborn',
      body: { propagationPolicy: 'Foreground' },
    });
    await until('its pods to go', async () =>
      (await jobs.podsOf('stubborn')).length === 0 ? true : undefined,
    );
    expect(cluster().kubelet.running().join()).not.toContain('stubborn');
  });

  it('runs init containers first, and a program twice where a fault says so (F16)', async () => {
    cluster().kubelet.inject(/twice/, { kind: 'run-twice' });
    const init = { name: 'init', image: Object.keys(SHELL_IMAGES)[0] ?? '' };
    const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
    const pod = {
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [{ ...init, args: ['echo init > /shared/file'], ...mount }],
    };
    const script = 'cat /shared/file; echo $$$$ >> /shared/file; wc -l < /shared/file | tr -d " "';
    await jobs.create(shellJob('twice', script, { pod, container: mount }));
    await jobs.endOf('twice');
    expect(await logOf('twice')).toMatch(/^init\n2\ninit\n\d+\n3\n$/);
  });

  it('gives a pod up whose node is lost, with the reason (F15)', async () => {
    const lost = await cluster().addNode({ name: 'lost', images: SHELL_IMAGES, taints: [OWN] });
    const pod = onNode('lost');
    await jobs.create(shellJob('on-lost-node', FOREVER, { pod }));
    await jobs.pod('on-lost-node', isRunning);
    await lost.lose();
    expect(lost.running()).toEqual([]);
    const given = await jobs.pod('on-lost-node', ({ metadata }) => !!metadata?.deletionTimestamp);
    expect(given.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }),
    );
  });

  it('tells of ends that came while its kubelet could not reach the apiserver (F30)', async () => {
    const { access, tls, server } = cluster();
    const { port, hostname: host } = new URL(server);
    await using proxy = await startTcpFaultProxy({ host, port: Number(port) });
    await using far = await startProcessKubelet(
      { access: { ...access, server: `https://${proxy.address}` }, tls },
      { name: 'far', images: SHELL_IMAGES, taints: [OWN] },
    );
    const pod = { ...onNode('far'), terminationGracePeriodSeconds: 1 };
    await jobs.create(shellJob('far-ends', 'sleep 1', { pod }));
    await jobs.create(shellJob('far-deleted', FOREVER, { pod }));
    for (const name of ['far-ends', 'far-deleted']) await jobs.pod(name, isRunning);
    proxy.strike({ kind: 'refuse', forMs: 3_000 });
    proxy.strike({ kind: 'reset' });
    await jobs.batch.deleteNamespacedJob({
      namespace: NAMESPACE,
      name: 'far-deleted',
      body: { propagationPolicy: 'Background' },
    });
    expect((await jobs.endOf('far-ends')).type).toBe('Complete');
    await until('the pod to go', async () =>
      (await jobs.podsOf('far-deleted')).length === 0 ? true : undefined,
    );
    expect(far.running()).toEqual([]);
  });

  it('lets an account do what its Role says and nothing else, and tells what was asked for (R12)', async () => {
    const { user, kubeconfig } = await cluster().createAccount({
      name: 'runner',
      namespace: NAMESPACE,
      rules: [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'watch'] }],
    });
    const client = clientOf({ kubeconfig });
    const namespace = NAMESPACE;
    await client.makeApiClient(BatchV1Api).listNamespacedJob({ namespace });
    const watch = await new Watch(client).watch(
      `/apis/batch/v1/namespaces/${namespace}/jobs`,
      {},
      () => undefined,
      () => undefined,
    );
    const pods = client.makeApiClient(CoreV1Api).listNamespacedPod({ namespace });
    await expect(pods).rejects.toMatchObject({ code: 403 });
    const used = (await cluster().audited()).filter((use) => use.user === user);
    watch.abort();
    expect(used.map(({ verb, resource, status }) => [verb, resource, status])).toEqual([
      ['list', 'jobs', 200],
      ['watch', 'jobs', 200],
      ['list', 'pods', 403],
    ]);
    expect(new Set((await cluster().audited()).map((use) => use.user))).toEqual(new Set([user]));
  });
});
