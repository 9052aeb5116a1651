import type { V1Job } from '@kubernetes/client-node';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesComputeOptions } from '../../../activities/compute/kubernetes.js';
import type { JobRef, JobSpec } from '../../../temporal/contracts/job.js';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { jobsIn } from '../../support/kubernetes/jobs.js';
import { playQueueWebhook } from './kubernetes-queue-webhook.js';
import {
  eventually,
  IMAGES,
  type KubernetesStand,
  makeKubernetesStand,
} from './kubernetes-stand.js';

const RESULT = { step: 'train', rows: 3 };
const SUCCEEDED = { phase: 'succeeded', result: RESULT };
const TIMEOUT_MS = 150_000;

describe('kubernetes compute on a cluster that is shared', { timeout: TIMEOUT_MS }, () => {
  const cluster = useCluster({ images: IMAGES });

  const jobOf = ({ namespace }: KubernetesStand, { name }: Pick<JobSpec, 'name'>): Promise<V1Job> =>
    jobsIn(cluster(), namespace).batch.readNamespacedJob({ name, namespace });
  /** Resolves when what is told of the job is so; rejects with what was told when it ended first. */
  const told = (by: KubernetesStand['compute'], ref: JobRef, is: RegExp) =>
    eventually(`${ref.name} to be told as ${String(is)}`, async () => {
      const seen = await by.observe(ref);
      if (!('detail' in seen)) throw new Error(`it ended: ${JSON.stringify(seen)}`);
      return is.test(`${seen.phase}: ${seen.detail}`) ? true : undefined;
    });

  describe('with priorities', () => {
    it('gets its pod again after a job of higher priority took its place, at no cost (R12, F15)', async () => {
      await using low = await makeKubernetesStand(cluster());
      await using high = await makeKubernetesStand(cluster());
      const pool = low.namespace;
      await addPriorityClasses({ low: 1, high: 1_000 });
      await cluster().addNode({
        name: pool,
        images: IMAGES,
        labels: { pool },
        // Of one job.
        capacity: { cpu: '80m' },
      });
      const options = {
        graceMs: 2_000,
        startDeadlineMs: 20_000,
        namespaces: { standard: low.namespace, critical: high.namespace },
        placement: {
          cpu: { nodeSelector: { pool } },
          experimental: { priorityClass: 'low' },
          critical: { priorityClass: 'high' },
        },
      };
      const [experiments, criticals] = await Promise.all(
        [low, high].map((stand) => stand.through(undefined, options)),
      );
      if (!experiments || !criticals) throw new Error('expected two adapters');
      const [file, other] = [join(low.base, 'go-on'), join(high.base, 'go-on')];
      const script = { prints: 'working\n', publishes: RESULT };
      const spec = low.job({ ...script, waitsFor: file }, { tier: 'experimental' });
      const ref = await experiments.ensure(spec);
      expect(ref.placement).toBe(`namespace ${pool}, nodes pool=${pool}, priority low`);
      await told(experiments, ref, /^running/);
      // Counted from its start, the time that it may wait for a pod is over when it loses the first one.
      await sleep(options.startDeadlineMs);
      const urgent = high.job({ ...script, waitsFor: other }, { tier: 'critical' });
      const first = await criticals.ensure(urgent);
      await told(criticals, first, /^running/);
      await told(experiments, ref, /^queued: .*preempted by a pod of higher priority/);
      await told(experiments, ref, /^queued: .*no node takes its pod/);
      await writeFile(other, '');
      expect(await high.end(first, criticals)).toEqual(SUCCEEDED);
      await told(experiments, ref, /^running/);
      await writeFile(file, '');
      expect(await low.end(ref, experiments)).toEqual(SUCCEEDED);
      expect(await low.timesRun(spec)).toBe(2);
      expect((await jobOf(low, spec)).status?.failed ?? 0).toBe(0);
    });
  });

  describe('with a queue', () => {
    beforeAll(() => playQueueWebhook(cluster()), TIMEOUT_MS);

    const made = (stand: KubernetesStand, changes: Partial<KubernetesComputeOptions> = {}) =>
      stand.through(undefined, {
        graceMs: 1_000,
        placement: { experimental: { queue: 'experiments' } },
        ...changes,
      });
    /** As Kueue lets a Job go, and takes its place from it again. */
    const suspend = ({ namespace }: KubernetesStand, { name }: JobSpec, to: boolean) =>
      cluster().api.patch(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`, {
        spec: { suspend: to },
      });
    const experiment = { tier: 'experimental' } as const;

    it('waits for its turn however long, and has its time to start from then on (R12, F15)', async () => {
      await using stand = await makeKubernetesStand(cluster());
      const startDeadlineMs = 8_000;
      const compute = await made(stand, {
        startDeadlineMs,
        placement: { experimental: { queue: 'experiments', nodeSelector: { pool: 'nowhere' } } },
      });
      const spec = stand.job({ publishes: RESULT }, experiment);
      const ref = await compute.ensure(spec);
      expect(ref.placement).toBe(
        `namespace ${stand.namespace}, queue experiments, nodes pool=nowhere`,
      );
      await sleep(startDeadlineMs + 1_000);
      await told(compute, ref, /^queued: held back by its queue/);
      await suspend(stand, spec, false);
      await told(compute, ref, /^queued: no node takes its pod/);
      expect(await stand.end(ref, compute)).toMatchObject({
        failure: { cause: 'start-failed', type: 'Unschedulable' },
      });
    });

    it('is queued again when its place is taken from it, and runs again at no cost (F15)', async () => {
      await using stand = await makeKubernetesStand(cluster());
      const compute = await made(stand);
      const file = join(stand.base, 'go-on');
      const spec = stand.job(
        { prints: 'working\n', waitsFor: file, publishes: RESULT },
        experiment,
      );
      const ref = await compute.ensure(spec);
      await suspend(stand, spec, false);
      await told(compute, ref, /^running/);
      await suspend(stand, spec, true);
      await told(compute, ref, /^queued: held back by its queue/);
      await eventually('its pod to be gone', async () =>
        (await jobsIn(cluster(), stand.namespace).podsOf(spec.name)).length === 0
          ? true
          : undefined,
      );
      expect(await stand.timesRun(spec)).toBe(1);
      await suspend(stand, spec, false);
      await told(compute, ref, /^running/);
      await writeFile(file, '');
      expect(await stand.end(ref, compute)).toEqual(SUCCEEDED);
      expect(await (await stand.another()).observe(ref)).toEqual(SUCCEEDED);
      expect(await stand.timesRun(spec)).toBe(2);
      expect((await jobOf(stand, spec)).status?.failed ?? 0).toBe(0);
    });

    it('has the time of its program from its start, whatever its waiting used up (F17)', async () => {
      await using stand = await makeKubernetesStand(cluster());
      const compute = await made(stand);
      const deadline = new Date(Date.now() + 4_000).toISOString();
      const times = { timeoutMs: 3_000, deadline };
      const spec = stand.job(
        { prints: 'working\n', sleepsMs: 600_000 },
        { ...experiment, ...times },
      );
      const ref = await compute.ensure(spec);
      // Held back, nothing of it runs that Kubernetes could end: whoever waits for it says when the waiting is over.
      await sleep(6_000);
      await told(compute, ref, /^queued: held back by its queue/);
      await suspend(stand, spec, false);
      await told(compute, ref, /^(?:starting|running)/);
      expect(await stand.end(ref, compute)).toMatchObject({
        failure: { cause: 'deadline', type: 'Deadline' },
      });
      expect(await stand.timesRun(spec)).toBe(1);
    });

    it('is gone when nobody waits for it any more, though it never had its turn (F17, F33)', async () => {
      await using stand = await makeKubernetesStand(cluster());
      const compute = await made(stand);
      const spec = stand.job({ publishes: RESULT }, experiment);
      const ref = await compute.ensure(spec);
      await compute.cancel({ ...ref, uid: '' });
      expect(await compute.observe(ref)).toMatchObject({ phase: 'vanished' });
      expect(await compute.list()).toEqual([]);
    });
  });

  async function addPriorityClasses(values: Record<string, number>): Promise<void> {
    for (const [name, value] of Object.entries(values))
      await cluster().api.post('/apis/scheduling.k8s.io/v1/priorityclasses', {
        metadata: { name },
        value,
      });
  }
});
