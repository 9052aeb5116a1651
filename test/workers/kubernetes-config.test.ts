import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { composePorts } from '../../workers/compose.js';
import { parseConfig, readConfig } from '../../workers/config.js';

const IMAGE = `registry.example/harness@sha256:${'ab'.repeat(32)}`;
const gateway = { url: 'http://127.0.0.1:8080', adminToken: { env: 'MODELYARD_TEST_TOKEN' } };
const CLUSTER = {
  kind: 'kubernetes' as const,
  cluster: { kubeconfig: '/etc/modelyard/kubeconfig', context: 'prod' },
  namespaces: { standard: 'ml', critical: 'ml-critical' },
  image: IMAGE,
};

function config(target: object) {
  return {
    home: '/srv/home',
    registry: { trackingUri: 'http://127.0.0.1:5000' },
    artifacts: { roots: ['mlflow-artifacts:/', 'mlflow-artifacts:/other'] },
    compute: { default: 'cluster', targets: { cluster: { ...CLUSTER, ...target } } },
    hosting: { default: 'local', targets: { local: { kind: 'process', ...gateway } } },
    routing: { default: 'local', targets: { local: { kind: 'gateway', ...gateway } } },
  };
}
const parsed = (target: object) => parseConfig(config(target), {}).compute.targets['cluster'];

describe('a target of kind kubernetes', () => {
  beforeAll(() => vi.stubEnv('MODELYARD_TEST_TOKEN', 'secret'));
  afterAll(() => vi.unstubAllEnvs());

  it('says where jobs of a class and a tier go (R6, R12)', () => {
    const target = {
      results: 'mlflow-artifacts:/other',
      images: ['registry.example/team'],
      registryAuth: { secret: 'mlflow', token: 'token' },
      secrets: { warehouse: { secret: 'team', key: 'password' } },
      placement: {
        gpu: {
          nodeSelector: { pool: 'gpu' },
          tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
        },
        critical: { queue: 'critical', priorityClass: 'urgent' },
        experimental: { priorityClass: 'batch' },
      },
      startDeadline: '5m',
      ttl: '14d',
    };
    expect(parsed(target)).toEqual({ ...CLUSTER, ...target });
    expect(parsed({ cluster: 'in-cluster' })).toMatchObject({ cluster: 'in-cluster' });
  });

  it.each([
    [
      'an image by tag',
      { image: 'harness:1' },
      /targets\.cluster\.image: expected an image by digest/,
    ],
    ['a guessed cluster', { cluster: 'default' }, /targets\.cluster\.cluster: /],
    [
      'no namespace',
      { namespaces: {} },
      /targets\.cluster\.namespaces\.standard: Invalid input: expected string/,
    ],
    [
      'a bad namespace',
      { namespaces: { standard: 'Ml_' } },
      /namespaces\.standard: expected a namespace's name, got "Ml_"/,
    ],
    [
      'an unknown root',
      { results: 's3://x' },
      /targets\.cluster\.results: expected one of artifacts\.roots/,
    ],
    ['a class nobody knows', { placement: { tpu: {} } }, /targets\.cluster\.placement: .*tpu/],
    [
      "the platform's variable",
      { env: { MODELYARD_HOME: 'x' } },
      /targets\.cluster\.env\.MODELYARD_HOME: .*platform's/,
    ],
    ['the value of a secret', { secrets: { a: 'hunter2' } }, /targets\.cluster\.secrets\.a: /],
    ['no time', { startDeadline: 'soon' }, /targets\.cluster\.startDeadline: /],
  ])('is refused with %s', (_what, target, message) => {
    expect(() => parsed(target)).toThrow(message);
  });

  it('never lets experimental jobs where critical ones run (R12)', () => {
    const both = /namespaces\.critical: expected a namespace apart from that of experimental jobs/;
    expect(() =>
      parsed({ namespaces: { standard: 'ml', critical: 'a', experimental: 'a' } }),
    ).toThrow(both);
    // Experimental jobs run in the standard namespace when they have none of their own.
    expect(() => parsed({ namespaces: { standard: 'ml', critical: 'ml' } })).toThrow(both);
    expect(() =>
      parsed({ namespaces: { standard: 'ml', critical: 'ml', experimental: 'play' } }),
    ).not.toThrow();
    const priorityClass = 'urgent';
    expect(() =>
      parsed({ placement: { critical: { priorityClass }, experimental: { priorityClass } } }),
    ).toThrow(/placement\.experimental\.priorityClass: expected another/);
  });

  it('is loaded when it is configured, and refused outside a pod as in-cluster', async () => {
    const compose = (target: object) => composePorts(parseConfig(config(target), {}));
    await expect(compose({})).resolves.toHaveProperty('compute');
    await expect(compose({ cluster: 'in-cluster' })).rejects.toThrow(
      /outside one, name a kubeconfig/,
    );
  });

  it('is described by the example of a deployment', async () => {
    const { compute } = await readConfig('deploy/kubernetes/worker.json');
    expect(compute.targets).toMatchObject({ cluster: { kind: 'kubernetes' } });
  });

  it('names a kubeconfig that cannot be read when it is needed', async () => {
    const { compute } = await composePorts(parseConfig(config({}), {}));
    await expect(compute.list()).rejects.toThrow(/\/etc\/modelyard\/kubeconfig.*ENOENT/);
  });
});
