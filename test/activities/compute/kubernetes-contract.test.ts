import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../../temporal/contracts/job.js';
import { computeContract } from '../../../testing/compute-contract.js';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { allowedCalls, madeCalls } from '../../support/kustomize.js';
import { IMAGES, JOB_NAMESPACE, makeKubernetesStand, TEAM, WORKER } from './kubernetes-stand.js';

const TIMEOUT_MS = 180_000;
const RESULT = { step: 'train', rows: 3 };

describe('kubernetes compute', () => {
  const cluster = useCluster({ images: IMAGES });
  const image = (script: string): JobSpec['program'] => ({
    kind: 'image',
    image: TEAM,
    command: ['/bin/sh', '-c', script],
    step: 'train',
  });

  describe('keeps the contract', () => {
    for (const { title, run } of computeContract) {
      it(title, () => run(() => makeKubernetesStand(cluster())), TIMEOUT_MS);
    }
  });

  it(
    'tells where a job went (R12)',
    async () => {
      await using stand = await makeKubernetesStand(cluster());
      const ref = await stand.compute.ensure(stand.job({ publishes: RESULT }));
      expect(ref.placement).toBe(`namespace ${stand.namespace}`);
    },
    TIMEOUT_MS,
  );

  it(
    "runs a team's own image between two containers of the harness (R6)",
    async () => {
      await using stand = await makeKubernetesStand(cluster());
      const script =
        'test "$0" = "\\$(HOME)" && echo trained with $MODELYARD_STEP > $MODELYARD_OUTPUT/model && cat $MODELYARD_OUTPUT/model';
      const program = image(script);
      if (program.kind === 'image') program.command?.push('$(HOME)');
      const ref = await stand.compute.ensure(stand.job({ publishes: RESULT }, { program }));
      expect(await stand.end(ref)).toEqual({ phase: 'succeeded', result: RESULT });
      expect(await stand.compute.logs(ref, 1000)).toContain('trained with train\n');
    },
    TIMEOUT_MS,
  );

  it(
    "says how a team's own image failed, with what it printed",
    async () => {
      await using stand = await makeKubernetesStand(cluster());
      const program = image('echo no such column; exit 65');
      const ref = await stand.compute.ensure(stand.job({ publishes: RESULT }, { program }));
      expect(await stand.end(ref)).toMatchObject({
        phase: 'failed',
        failure: {
          cause: 'user-error',
          type: 'ImageFailed',
          exitCode: 65,
          logTail: 'no such column\n',
        },
      });
    },
    TIMEOUT_MS,
  );

  it(
    'fetches a result that was left in the artifact store, and believes no other',
    async () => {
      await using stand = await makeKubernetesStand(cluster());
      const spec = stand.job({ leavesResult: RESULT });
      const ref = await stand.compute.ensure(spec);
      expect(await stand.end(ref)).toEqual({ phase: 'succeeded', result: RESULT });
      const place = join(stand.base, 'jobs', spec.name);
      const [pod = ''] = await readdir(place);
      await writeFile(join(place, pod, 'result.json'), '{"step":"train","rows":4}');
      expect(await stand.compute.observe(ref)).toMatchObject({
        phase: 'failed',
        failure: { cause: 'integrity' },
      });
    },
    TIMEOUT_MS,
  );

  it(
    'says why an admission lets no pod be made, in its words (F15)',
    async () => {
      await using stand = await makeKubernetesStand(cluster());
      const compute = await stand.through(undefined, {
        startDeadlineMs: 10_000,
        placement: { cpu: { priorityClass: 'nowhere' } },
      });
      const ref = await compute.ensure(stand.job({}));
      expect(await stand.end(ref, compute)).toMatchObject({
        phase: 'failed',
        failure: {
          cause: 'start-failed',
          type: 'Admission',
          message: expect.stringMatching(
            /refuses it: no PriorityClass with name nowhere was found$/,
          ),
        },
      });
    },
    TIMEOUT_MS,
  );

  it('has needed all the rights of its Role by now, and no others', async () => {
    const uses = (await cluster().audited()).filter(({ user }) => user.includes(`:${WORKER}`));
    expect(madeCalls(uses)).toEqual(allowedCalls(JOB_NAMESPACE));
  });
});
