import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  KubernetesObject,
  V1Deployment,
  V1NetworkPolicy,
  V1PodSpec,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { loadYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../workers/config.js';
import { allowedCalls, built, DEPLOYMENT, manifestFiles } from '../support/kustomize.js';

const objects = built<KubernetesObject>(DEPLOYMENT);
const JOB_NAMESPACES = ['modelyard-jobs', 'modelyard-jobs-critical'];
const config = JSON.parse(readFileSync(join(DEPLOYMENT, 'worker.json'), 'utf8')) as {
  compute: { targets: Record<string, { namespaces: Record<string, string> }> };
};

function of<T extends KubernetesObject>(kind: string, namespace?: string): T[] {
  return objects.filter(
    (object): object is T =>
      object.kind === kind && (namespace === undefined || object.metadata?.namespace === namespace),
  );
}

const deployments = of<V1Deployment>('Deployment').map(
  (deployment) => [deployment.metadata?.name ?? '', podOf(deployment)] as const,
);

function podOf({ spec }: V1Deployment): V1PodSpec {
  const pod = spec?.template.spec;
  if (pod === undefined) throw new Error('expected a pod template');
  return pod;
}

describe('what the worker may do in a job namespace', () => {
  it.each(JOB_NAMESPACES)('in %s is every call it makes and no other', (namespace) => {
    expect(allowedCalls(namespace)).toEqual(
      [
        ...['create', 'get', 'list', 'watch', 'patch', 'delete'].map(
          (verb) => `${verb} batch/jobs`,
        ),
        'list pods',
        'get pods/log',
        'list events',
      ].sort(),
    );
  });

  it.each(JOB_NAMESPACES)('in %s is given to the worker alone', (namespace) => {
    const [binding, ...others] = of<V1RoleBinding>('RoleBinding', namespace);
    expect(others).toEqual([]);
    expect(binding?.roleRef).toMatchObject({ kind: 'Role', name: 'modelyard-worker' });
    expect(binding?.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'modelyard-worker', namespace: 'modelyard' },
    ]);
  });

  it('is all that anybody may do: nothing is granted elsewhere or for the whole cluster', () => {
    const granted = objects.filter(({ kind }) => /Role/.test(kind ?? ''));
    expect(granted.map(({ kind }) => kind).sort()).toEqual([
      'Role',
      'Role',
      'RoleBinding',
      'RoleBinding',
    ]);
    expect(of<V1RoleBinding>('RoleBinding').map(({ metadata }) => metadata?.namespace)).toEqual(
      JOB_NAMESPACES,
    );
  });
});

describe('the pods', () => {
  it('are those of the worker and of the gateway', () => {
    expect(deployments.map(([name]) => name)).toEqual(['modelyard-worker', 'modelyard-gateway']);
  });

  it.each(deployments)('of %s are within the restricted profile', (_name, pod) => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC'] as const)
      expect(pod[key]).toBeUndefined();
    for (const volume of pod.volumes ?? []) expect(kindOf(volume)).toMatch(RESTRICTED_VOLUMES);
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.ports?.every(({ hostPort }) => hostPort === undefined) ?? true).toBe(true);
    }
  });

  it.each(deployments)('of %s name their secrets and never hold them', (_name, pod) => {
    for (const { name, value, valueFrom } of pod.containers.flatMap(({ env = [] }) => env)) {
      if (/TOKEN|PASSWORD|SECRET/.test(name)) expect(valueFrom?.secretKeyRef?.name).toBeTruthy();
      else expect(value).toBeTruthy();
    }
  });

  it.each(deployments)('of %s write to what is mounted only', (_name, pod) => {
    const volumes = (pod.volumes ?? []).map(({ name }) => name).sort();
    for (const { volumeMounts = [] } of pod.containers)
      expect(volumeMounts.map(({ name }) => name).sort()).toEqual(volumes);
  });

  it('have no token of the cluster but the worker, which asks it for jobs', () => {
    const accounts = of<KubernetesObject & { automountServiceAccountToken?: boolean }>(
      'ServiceAccount',
    );
    const open = accounts.filter((account) => account.automountServiceAccountToken !== false);
    expect(open.map(({ metadata }) => metadata?.name)).toEqual(['modelyard-worker']);
    expect(Object.fromEntries(deployments)['modelyard-gateway']?.automountServiceAccountToken).toBe(
      false,
    );
  });
});

const RESTRICTED_VOLUMES =
  /^(?:configMap|csi|downwardAPI|emptyDir|ephemeral|persistentVolumeClaim|projected|secret)$/;
const kindOf = ({ name: _, ...kinds }: NonNullable<V1PodSpec['volumes']>[number]): string =>
  Object.keys(kinds).join();

describe('the namespaces', () => {
  it('refuse every pod outside the restricted profile', () => {
    expect(of('Namespace').map(({ metadata }) => [metadata?.name, metadata?.labels])).toEqual(
      ['modelyard', ...JOB_NAMESPACES].map((name) => [
        name,
        {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      ]),
    );
  });

  it('let nothing in but what a policy names, and nothing out of a job but what one names', () => {
    const policies = of<V1NetworkPolicy>('NetworkPolicy');
    for (const namespace of ['modelyard', ...JOB_NAMESPACES]) {
      const closed = policies.filter(
        ({ metadata, spec }) =>
          metadata?.namespace === namespace &&
          Object.keys(spec?.podSelector ?? {}).length === 0 &&
          spec?.ingress?.length === 0,
      );
      expect(closed, namespace).toHaveLength(1);
      const outward = closed[0]?.spec?.policyTypes?.includes('Egress');
      expect(outward, namespace).toBe(namespace !== 'modelyard');
    }
  });
});

describe('the base', () => {
  it("has a worker's configuration that is valid, with the namespaces that are there", () => {
    expect(parseConfig(config, {})).toMatchObject(config);
    const [target] = Object.values(config.compute.targets);
    expect(Object.values(target?.namespaces ?? {})).toEqual(JOB_NAMESPACES);
  });

  it('uses every file of its folder', () => {
    const kinds = manifestFiles(DEPLOYMENT).length;
    const named = ['.', 'job-namespace'].flatMap(
      (folder) =>
        loadYaml<{ resources: string[] }>(
          readFileSync(join(DEPLOYMENT, folder, 'kustomization.yaml'), 'utf8'),
        ).resources,
    );
    expect(named.filter((name) => name.endsWith('.yaml'))).toHaveLength(kinds);
  });

  it('gives a namespace to all that needs one', () => {
    const without = objects.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata?.namespace === undefined,
    );
    expect(without).toEqual([]);
  });
});
