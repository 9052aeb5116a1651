import type { KubernetesObject, V1Deployment, V1PodSpec } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiRefusal } from '../../testing/kubernetes/api.js';
import { controlPlane, START_TIMEOUT_MS, useCluster } from '../support/kubernetes/cluster.js';
import { allowedCalls, built, DEPLOYMENT } from '../support/kustomize.js';

const JOB_NAMESPACES = ['modelyard-jobs', 'modelyard-jobs-critical'];
const WORKER = {
  user: 'system:serviceaccount:modelyard:modelyard-worker',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:modelyard', 'system:authenticated'],
};
const objects = built<KubernetesObject>(DEPLOYMENT);
const deployments = objects.filter(
  (object): object is V1Deployment => object.kind === 'Deployment',
);
const cluster = useCluster({ images: {} });

beforeAll(async () => {
  if ('missing' in (await controlPlane())) return;
  for (const object of objects) await create(object);
}, START_TIMEOUT_MS);

/** Strictly: a field that the server does not know is refused instead of left out. */
async function create(object: KubernetesObject): Promise<void> {
  const { namespace } = object.metadata ?? {};
  const group = object.apiVersion?.includes('/') ? 'apis' : 'api';
  const resource = `${(object.kind ?? '').toLowerCase()}s`.replace(/ys$/, 'ies');
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  await cluster().api.post(
    `/${group}/${object.apiVersion ?? ''}${scope}/${resource}?fieldValidation=Strict`,
    object,
  );
}

async function mayWorker(verb: string, what: string, namespace: string): Promise<boolean> {
  const resourceAttributes = { namespace, verb, ...attributesOf(what) };
  const review = await cluster().api.post<{ status: { allowed: boolean } }>(
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { ...WORKER, resourceAttributes },
    },
  );
  return review.status.allowed;
}

/** `group/resource`, or `pods/subresource`. */
function attributesOf(what: string): Record<string, string> {
  const [first = '', second] = what.split('/');
  if (second === undefined) return { resource: first };
  return first === 'pods'
    ? { resource: first, subresource: second }
    : { group: first, resource: second };
}

/** Asks for a pod without keeping it. */
async function admitted(spec: V1PodSpec, namespace: string): Promise<string> {
  try {
    await cluster().api.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'asked-for' },
      spec,
    });
    return 'admitted';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.message;
    throw error;
  }
}

const podOf = (name: string): V1PodSpec => {
  const spec = deployments.find(({ metadata }) => metadata?.name === name)?.spec?.template.spec;
  if (spec === undefined) throw new Error(`expected a Deployment ${name}`);
  return spec;
};

describe('on an apiserver', () => {
  it('the worker may make each call of its Role in every job namespace', async () => {
    for (const namespace of JOB_NAMESPACES) {
      for (const call of allowedCalls(namespace)) {
        const [verb = '', what = ''] = call.split(' ');
        expect(await mayWorker(verb, what, namespace), `${call} in ${namespace}`).toBe(true);
      }
    }
  });

  it.each([
    ['get', 'secrets', 'modelyard-jobs'],
    ['create', 'pods', 'modelyard-jobs'],
    ['create', 'pods/exec', 'modelyard-jobs'],
    ['deletecollection', 'batch/jobs', 'modelyard-jobs'],
    ['create', 'batch/jobs', 'modelyard'],
    ['create', 'batch/jobs', 'default'],
    ['list', 'batch/jobs', ''],
    ['get', 'secrets', 'modelyard'],
    ['create', 'rbac.authorization.k8s.io/rolebindings', 'modelyard-jobs'],
  ])('the worker may not %s %s in %j', async (verb, what, namespace) => {
    expect(await mayWorker(verb, what, namespace)).toBe(false);
  });

  it.each(['modelyard-worker', 'modelyard-gateway'])(
    'the pods of %s are admitted',
    async (name) => {
      expect(await admitted(podOf(name), 'modelyard')).toBe('admitted');
    },
  );

  it.each(['modelyard', ...JOB_NAMESPACES])(
    'a pod that may become root is refused in %s',
    async (namespace) => {
      const { containers, volumes } = podOf('modelyard-gateway');
      expect(await admitted({ containers, volumes: volumes ?? [] }, namespace)).toContain(
        'violates PodSecurity "restricted:latest"',
      );
    },
  );
});
