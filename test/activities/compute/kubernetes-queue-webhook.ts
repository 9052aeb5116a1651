import type { Cluster } from '../../../testing/index.js';
import { CREATES_OF_JOBS } from '../../support/kubernetes/jobs.js';
import { eventually } from './kubernetes-stand.js';

const POLICIES = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies';
const NAME = 'holds-back-jobs-of-queues';
const QUEUE = 'kueue.x-k8s.io/queue-name';

/** From now on a Job with a queue is made suspended, as it is where Kueue's webhook is. */
export async function playQueueWebhook({ api }: Pick<Cluster, 'api'>): Promise<void> {
  await api.post(POLICIES, {
    metadata: { name: NAME },
    spec: {
      matchConstraints: CREATES_OF_JOBS,
      matchConditions: [
        { name: 'has-a-queue', expression: `'${QUEUE}' in object.metadata.?labels.orValue({})` },
      ],
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: 'Object{spec: Object.spec{suspend: true}}' },
        },
      ],
    },
  });
  await api.post(`${POLICIES.replace(/ies$/, 'y')}bindings`, {
    metadata: { name: NAME },
    spec: { policyName: NAME },
  });
  await eventually('the policy to be in force', async () =>
    (await tried(api)).spec.suspend === true ? true : undefined,
  );
}

/** A Job that is not kept. */
const tried = (api: Cluster['api']): Promise<{ spec: { suspend?: boolean } }> =>
  api.post('/apis/batch/v1/namespaces/default/jobs?dryRun=All', {
    metadata: { name: 'tried', labels: { [QUEUE]: 'any' } },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [{ name: 'main', image: 'registry.test/any' }],
        },
      },
    },
  });
