import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { startHttpFaultProxy, startTcpFaultProxy } from '../../../testing/index.js';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { jobsIn } from '../../support/kubernetes/jobs.js';
import { startRelay } from './kubernetes-relay.js';
import {
  at,
  eventually,
  IMAGES,
  type KubernetesStand,
  makeKubernetesStand,
  ROLE,
  withToken,
} from './kubernetes-stand.js';

const RESULT = { step: 'train', rows: 3 };
const SUCCEEDED = { phase: 'succeeded', result: RESULT };
const LONG = { prints: 'working\n', sleepsMs: 600_000, publishes: RESULT };
const QUICK = { tryMs: 1_000, callMs: 15_000 };
const TIMEOUT_MS = 120_000;
const isEvents = (line: string): boolean => /\/events\b/.test(line);

describe('kubernetes compute under faults', { timeout: TIMEOUT_MS }, () => {
  const cluster = useCluster({ images: IMAGES });
  let stand: KubernetesStand;
  beforeEach(async () => {
    stand = await makeKubernetesStand(cluster());
  }, TIMEOUT_MS);
  afterEach(() => stand.dispose());

  const failureOf = async (spec: JobSpec, by = stand.compute) => {
    const ended = await stand.end(await by.ensure(spec), by);
    if (ended.phase !== 'failed')
      throw new Error(`expected a failure, got ${JSON.stringify(ended)}`);
    return ended.failure;
  };
  const running = (ref: JobRef, by = stand.compute) =>
    eventually(`${ref.name} to run`, async () => {
      const seen = await by.observe(ref);
      return seen.phase === 'running' ? seen : undefined;
    });
  const podsOf = (job: Pick<JobSpec, 'name'>) => new RegExp(`^${stand.namespace}/${job.name}-`);
  const admin = () => jobsIn(cluster(), stand.namespace);
  const file = () => join(stand.base, 'go-on');

  describe('of the wire', () => {
    it('makes one Job when the answer to its create is lost (F2)', async () => {
      await using relay = await startRelay(cluster());
      await using proxy = await startHttpFaultProxy(relay.url);
      const compute = await stand.through(proxy.url, {}, QUICK);
      proxy.inject(/^POST .*\/jobs$/, { kind: 'lose-answer' }, 2);
      const spec = stand.job({ publishes: RESULT });
      const ref = await compute.ensure(spec);
      expect(await stand.end(ref)).toEqual(SUCCEEDED);
      expect(relay.seen.filter((line) => line.startsWith('POST'))).toHaveLength(3);
      expect(await stand.timesRun(spec)).toBe(1);
    });

    it('keeps an end that was told when the answer to writing it down is lost (F2)', async () => {
      await using relay = await startRelay(cluster());
      await using proxy = await startHttpFaultProxy(relay.url);
      const compute = await stand.through(proxy.url, {}, QUICK);
      proxy.inject(/^PATCH /, { kind: 'lose-answer' });
      const ref = await compute.ensure(stand.job({ publishes: RESULT }));
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
      expect(await stand.compute.observe(ref)).toEqual(SUCCEEDED);
    });

    it('runs a job once through 429s, 5xx, resets and hangs (F13)', async () => {
      await using relay = await startRelay(cluster());
      await using proxy = await startHttpFaultProxy(relay.url, { seed: 13 });
      const compute = await stand.through(proxy.url, {}, QUICK);
      const first = /^POST .*\/jobs$/;
      proxy.inject(first, { kind: 'rate-limit', retryAfterSeconds: 1 });
      proxy.inject(first, { kind: 'unavailable', status: 503 });
      proxy.inject(first, { kind: 'reset' });
      proxy.inject(first, { kind: 'hang' });
      const spec = stand.job({ publishes: RESULT });
      const ref = await compute.ensure(spec);
      proxy.storm({
        rate: 0.3,
        match: /^(?!.*watch=true)/,
        faults: [
          { kind: 'rate-limit', retryAfterSeconds: 1 },
          { kind: 'unavailable', status: 500 },
          { kind: 'reset' },
          { kind: 'lose-answer' },
          { kind: 'truncate', bytes: 20 },
          { kind: 'garbage', sort: 'html' },
        ],
      });
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(1);
      expect(proxy.injected.length).toBeGreaterThanOrEqual(4);
    });

    it('has an end to every call while the apiserver is silent, and goes on after (F30)', async () => {
      const { hostname, port } = new URL(cluster().server);
      await using proxy = await startTcpFaultProxy({ host: hostname, port: Number(port) });
      const patience = { tryMs: 500, callMs: 1_000 };
      const compute = await stand.through(`https://127.0.0.1:${String(proxy.port)}`, {}, patience);
      const spec = stand.job({ waitsFor: file(), publishes: RESULT });
      const ref = await compute.ensure(spec);
      await running(ref, compute);
      proxy.strike({ kind: 'black-hole' });
      for (const call of [
        () => compute.ensure(spec),
        () => compute.cancel(ref),
        () => compute.list(),
        () => compute.logs(ref, 10),
      ])
        await expect(call()).rejects.toMatchObject({ type: 'ComputeUnavailable' });
      proxy.calm();
      await writeFile(file(), '');
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(1);
    });

    it('misses no end when its watch is dropped and forgotten (F14)', async () => {
      await using relay = await startRelay(cluster());
      const compute = await stand.through(relay.url);
      const watches = () => relay.seen.filter((line) => line.includes('watch=true')).length;
      const ref = await compute.ensure(stand.job({ waitsFor: file(), publishes: RESULT }));
      for (const [nth, fault] of [relay.cutWatches, relay.expireWatches].entries()) {
        await eventually('a watch', async () => {
          await compute.observe(ref);
          return watches() > nth ? true : undefined;
        });
        fault();
      }
      await writeFile(file(), '');
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
    });

    it('misses no end when its Role does not let it watch (F14)', async () => {
      const rules = ROLE.map((rule) => ({
        ...rule,
        verbs: rule.verbs.filter((verb) => verb !== 'watch'),
      }));
      await using other = await makeKubernetesStand(cluster(), rules);
      const spec = other.job({ publishes: RESULT });
      expect(await other.end(await other.compute.ensure(spec))).toEqual(SUCCEEDED);
    });

    it('reads a job that does not change a few times, however often it is asked', async () => {
      await using relay = await startRelay(cluster());
      const compute = await stand.through(relay.url);
      const ref = await compute.ensure(stand.job(LONG));
      await running(ref, compute);
      const before = relay.seen.length;
      for (let asked = 0; asked < 200; asked += 1) await compute.observe(ref);
      expect(relay.seen.length - before).toBeLessThanOrEqual(6);
      expect(relay.seen.filter(isEvents)).toEqual([]);
    });

    it('takes the credentials of the moment (F19)', async () => {
      await using relay = await startRelay(cluster());
      const { account } = stand;
      const kubeconfig = join(stand.base, 'rotated');
      const of = (token: string) => at(withToken(account.kubeconfig, token), relay.url);
      await writeFile(kubeconfig, of(account.access.token));
      const compute = await stand.through(undefined, { cluster: { kubeconfig } });
      const ref = await compute.ensure(stand.job({ waitsFor: file(), publishes: RESULT }));
      await running(ref, compute);
      relay.revoke(account.access.token);
      await expect(compute.list()).rejects.toMatchObject({ type: 'ComputeUnavailable' });
      await writeFile(kubeconfig, of(await account.token()));
      expect(await compute.list()).toHaveLength(1);
      await writeFile(file(), '');
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
    });

    it('leaves nothing when it is cancelled while its create is in flight (F33)', async () => {
      await using relay = await startRelay(cluster());
      await using proxy = await startHttpFaultProxy(relay.url);
      const compute = await stand.through(proxy.url);
      proxy.inject(/^POST .*\/jobs$/, { kind: 'latency', ms: 1_000 });
      const spec = stand.job(LONG);
      const making = compute.ensure(spec);
      await compute.cancel({ name: spec.name, target: spec.target, uid: '' });
      const ref = await making;
      expect(await compute.observe(ref)).toMatchObject({ phase: 'vanished' });
      expect(await compute.list()).toEqual([]);
      expect(await admin().podsOf(spec.name)).toEqual([]);
    });
  });

  describe('of the cluster', () => {
    it('names a Job that was deleted by hand, and does not begin it again (F15)', async () => {
      const spec = stand.job(LONG);
      const ref = await stand.compute.ensure(spec);
      await running(ref);
      const body = { propagationPolicy: 'Foreground', gracePeriodSeconds: 0 };
      await admin().batch.deleteNamespacedJob({ ...named(spec), body });
      await eventually('it to be gone', async () =>
        (await admin().podsOf(spec.name)).length === 0 ? true : undefined,
      );
      const missedBy = (by: KubernetesStand['compute']) =>
        eventually('it to be missed', async () => {
          const of = await by.ensure(spec, ref.uid);
          const seen = await by.observe(of);
          return seen.phase === 'vanished' ? { of, seen } : undefined;
        });
      const again = await missedBy(stand.compute);
      expect(again.of.uid).toBe(ref.uid);
      expect(again.seen.detail).toContain('somebody deleted it while it went on');
      // A worker that was restarted since knows of it only what it is told.
      const restarted = await missedBy(await stand.through(undefined));
      expect(restarted.of.uid).toBe(ref.uid);
      expect(restarted.seen.detail).toContain('somebody deleted it or its namespace');
      expect(await stand.timesRun(spec)).toBe(1);
    });

    it('names a Job that was cleared away before anybody read its end (F15)', async () => {
      const compute = await stand.through(undefined, { ttlMs: 1_000 });
      const spec = stand.job({ waitsFor: file(), publishes: RESULT });
      const ref = await compute.ensure(spec);
      await running(ref, compute);
      await writeFile(file(), '');
      const gone = await eventually('it to be gone', async () => {
        const found = await admin()
          .batch.readNamespacedJob(named(spec))
          .catch(() => undefined);
        return found === undefined ? true : undefined;
      });
      expect(gone).toBe(true);
      const seen = await eventually('that to be seen', async () => {
        const seen = await compute.observe(ref);
        return seen.phase === 'vanished' ? seen : undefined;
      });
      expect(seen.detail).toContain('it had ended, and was removed before its end was read');
    });

    it('names a quota that lets no pod be made, and one that lets no Job (F15)', async () => {
      await using relay = await startRelay(cluster());
      const compute = await stand.through(relay.url, { startDeadlineMs: 11_000 });
      await quota('pods', { pods: '0' });
      expect(await failureOf(stand.job({}), compute)).toMatchObject({
        cause: 'start-failed',
        type: 'Quota',
        message: expect.stringMatching(
          /did not start within 11 s.*namespace jobs-\w+ is used up: exceeded quota: pods, requested: pods=1/,
        ),
      });
      expect(relay.seen.filter(isEvents)).toHaveLength(1);
      await quota('jobs', { 'count/jobs.batch': '1' });
      await expect(compute.ensure(stand.job({}))).rejects.toMatchObject({
        type: 'ComputeUnavailable',
        message: expect.stringMatching(/quota is used up.*exceeded quota: jobs/),
      });
    });

    it('says who knows why no pod is made, when its Role does not let it read events (F15)', async () => {
      const rules = ROLE.filter(({ resources }) => !resources.includes('events'));
      await using other = await makeKubernetesStand(cluster(), rules);
      const compute = await other.through(undefined, {
        startDeadlineMs: 10_000,
        placement: { cpu: { priorityClass: 'nowhere' } },
      });
      const spec = other.job({});
      expect(await other.end(await compute.ensure(spec), compute)).toMatchObject({
        phase: 'failed',
        failure: {
          cause: 'start-failed',
          type: 'NoPod',
          message: expect.stringContaining(
            `kubectl describe job ${spec.name} -n ${other.namespace}`,
          ),
        },
      });
    });

    it('names a pod that no node takes, and gives the Job up (F15)', async () => {
      const compute = await stand.through(undefined, {
        startDeadlineMs: 1_000,
        placement: { gpu: { nodeSelector: { pool: 'nowhere' } } },
      });
      const spec = stand.job({}, { resources: { class: 'gpu' } });
      const ref = await compute.ensure(spec);
      const failed = { phase: 'failed', failure: { cause: 'start-failed', type: 'Unschedulable' } };
      expect(await stand.end(ref, compute)).toMatchObject(failed);
      // Kubernetes ends it then, so that it is not started after all and is cleared away in its time.
      expect(await admin().endOf(spec.name)).toMatchObject({ reason: 'DeadlineExceeded' });
      expect(await stand.compute.observe(ref)).toMatchObject(failed);
    });

    it('names an image that is not there (F15)', async () => {
      const compute = await stand.through(undefined, { startDeadlineMs: 3_000 });
      const spec = stand.job({});
      cluster().kubelet.inject(podsOf(spec), { kind: 'image-pull' });
      expect(await failureOf(spec, compute)).toMatchObject({
        cause: 'start-failed',
        type: 'ImagePull',
        message: expect.stringMatching(/did not start within 3 s.*(ErrImagePull|ImagePullBackOff)/),
      });
    });

    it('names a secret that is not there (F15)', async () => {
      const compute = await stand.through(undefined, {
        startDeadlineMs: 3_000,
        secrets: { warehouse: { secret: 'absent', key: 'password' } },
      });
      expect(
        await failureOf(stand.job({}, { secrets: { DB: 'warehouse' } }), compute),
      ).toMatchObject({
        cause: 'start-failed',
        type: 'ContainerConfig',
        message: expect.stringContaining('absent'),
      });
    });

    it('names a program that used up its memory (F15)', async () => {
      const spec = stand.job(LONG);
      cluster().kubelet.inject(podsOf(spec), { kind: 'oom-kill', afterMs: 500 });
      expect(await failureOf(spec)).toMatchObject({
        cause: 'out-of-memory',
        type: 'OutOfMemory',
        exitCode: 137,
        message: expect.stringContaining('raise training.resources.memoryMiB'),
      });
    });

    it('gets another pod for one that was evicted, at no cost (F15)', async () => {
      const spec = stand.job({ prints: 'working\n', waitsFor: file(), publishes: RESULT });
      const ref = await stand.compute.ensure(spec);
      await running(ref);
      cluster().kubelet.strike(podsOf(spec), { kind: 'evict' });
      await eventually('the next pod to be announced', async () => {
        const seen = await stand.compute.observe(ref);
        return 'detail' in seen && /evicted.*another one is coming/.test(seen.detail)
          ? true
          : undefined;
      });
      await writeFile(file(), '');
      expect(await stand.end(ref)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(2);
    });

    it('names a pod that somebody deleted (F15)', async () => {
      const spec = stand.job(LONG);
      const ref = await stand.compute.ensure(spec);
      await running(ref);
      const [pod] = await admin().podsOf(spec.name);
      await admin().core.deleteNamespacedPod({
        name: pod?.metadata?.name ?? '',
        namespace: stand.namespace,
        gracePeriodSeconds: 0,
      });
      expect(await stand.end(ref)).toMatchObject({
        phase: 'failed',
        failure: { cause: 'disrupted', type: 'PodDeleted' },
      });
    });

    it('names a node that was lost with its pod, and waits no longer for it (F15)', async () => {
      const { compute, ref, name } = await onALostNode();
      expect(await stand.end(ref, compute)).toMatchObject({
        phase: 'failed',
        failure: {
          cause: 'disrupted',
          type: 'NodeLost',
          message: expect.stringContaining(`node ${name} does not answer`),
        },
      });
      await compute.cancel(ref);
    });

    it('does not wait for a lost node when it cancels (F33)', async () => {
      const { compute, ref } = await onALostNode();
      await compute.cancel(ref);
      expect(await compute.list()).toMatchObject([{ name: ref.name, state: 'active' }]);
    });

    it('tells one end when its pod ran twice, also when the pods are gone (F16)', async () => {
      const spec = stand.job({ publishes: RESULT });
      cluster().kubelet.inject(podsOf(spec), { kind: 'run-twice' });
      const ref = await stand.compute.ensure(spec);
      expect(await stand.end(ref)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(2);
      for (const pod of await admin().podsOf(spec.name))
        await admin().core.deleteNamespacedPod({
          name: pod.metadata?.name ?? '',
          namespace: stand.namespace,
        });
      expect(await (await stand.another()).observe(ref)).toEqual(SUCCEEDED);
    });

    it('ends a job that hangs and does not listen (F17)', async () => {
      const compute = await stand.through(undefined, { graceMs: 1_000 });
      const spec = stand.job({ ...LONG, ignoresTerm: true }, { timeoutMs: 2_000 });
      expect(await failureOf(spec, compute)).toMatchObject({ cause: 'deadline', type: 'Deadline' });
      expect(
        cluster()
          .kubelet.running()
          .filter((pod) => podsOf(spec).test(pod)),
      ).toEqual([]);
    });

    it('ends a job whose waiting is over, deadline included (F17)', async () => {
      const compute = await stand.through(undefined, {
        placement: { cpu: { nodeSelector: { pool: 'nowhere' } } },
      });
      const deadline = new Date(Date.now() + 2_000).toISOString();
      expect(await failureOf(stand.job({}, { deadline }), compute)).toMatchObject({
        cause: 'deadline',
      });
    });

    it('says that its namespace is gone (F15)', async () => {
      const spec = stand.job({});
      await cluster().api.delete(`/api/v1/namespaces/${stand.namespace}`);
      await eventually('the namespace to be gone', async () => {
        const path = `/api/v1/namespaces/${stand.namespace}`;
        return cluster()
          .api.get(path)
          .then(
            () => undefined,
            () => true,
          );
      });
      await expect(stand.compute.ensure(spec)).rejects.toMatchObject({ type: 'Misconfigured' });
    });
  });

  const named = ({ name }: Pick<JobSpec, 'name'>) => ({ name, namespace: stand.namespace });
  /** A job that was running when its node went. */
  async function onALostNode() {
    const name = `doomed-${stand.namespace}`;
    const node = await cluster().addNode({ name, images: IMAGES, labels: { pool: name } });
    const compute = await stand.through(undefined, {
      graceMs: 1_000,
      lostAfterMs: 2_000,
      placement: { cpu: { nodeSelector: { pool: name } } },
    });
    const ref = await compute.ensure(stand.job(LONG));
    await running(ref, compute);
    await node.lose();
    return { compute, ref, name };
  }
  async function quota(name: string, hard: Record<string, string>): Promise<void> {
    const path = `/api/v1/namespaces/${stand.namespace}/resourcequotas`;
    await cluster().api.post(path, { metadata: { name }, spec: { hard } });
    await eventually('the quota to be counted', async () => {
      const { status } = await cluster().api.get<{ status?: { used?: object } }>(`${path}/${name}`);
      return status?.used === undefined ? undefined : true;
    });
    await sleep(500);
  }
});
