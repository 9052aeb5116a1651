import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { manifestOf } from '../../../../activities/compute/kubernetes/manifest.js';
import {
  labelValue,
  readIdentity,
  sayIdentity,
} from '../../../../activities/compute/kubernetes/marks.js';
import type { JobSettings } from '../../../../activities/compute/kubernetes/options.js';
import { specDigest } from '../../../../activities/compute/spec-digest.js';
import type { JobSpec } from '../../../../temporal/contracts/job.js';
import { HARNESS_IMAGE, jobSpec, NOW, SETTINGS, TEAM_IMAGE } from './settings.js';

const made = (changes: Partial<JobSpec> = {}, settings: Partial<JobSettings> = {}) =>
  manifestOf(jobSpec(changes), { ...SETTINGS, ...settings }, NOW);

function podOf(changes?: Partial<JobSpec>, settings?: Partial<JobSettings>): V1PodSpec {
  const spec = made(changes, settings).spec?.template.spec;
  if (spec == null) throw new Error('expected a pod, got none');
  return spec;
}

function mainOf(changes?: Partial<JobSpec>, settings?: Partial<JobSettings>): V1Container {
  const [main] = podOf(changes, settings).containers;
  if (main === undefined) throw new Error('expected a container, got none');
  return main;
}

const valueOf = ({ env = [] }: V1Container, variable: string) =>
  env.find(({ name }) => name === variable)?.value;

const IMAGE_JOB: JobSpec['program'] = {
  kind: 'image',
  image: TEAM_IMAGE,
  command: ['train', '--rate=$(RATE)', '$$'],
  step: 'train',
};

describe('the Job', () => {
  it('carries whose it is and what it was made of, and is found by label', () => {
    const { metadata, spec } = made();
    const labels = {
      'app.kubernetes.io/managed-by': 'modelyard',
      'modelyard.dev/tag': 'flight-delay',
    };
    expect(metadata).toEqual({
      name: 'job-1',
      namespace: 'ml',
      labels,
      annotations: {
        'modelyard.dev/owner': 'retrain/flight-delay/run',
        'modelyard.dev/spec': specDigest(jobSpec()),
        'modelyard.dev/target': 'cluster',
      },
    });
    expect(spec?.template.metadata?.labels).toEqual(labels);
  });

  it('is tried once by Kubernetes, and a disruption is no try (F15)', () => {
    const { spec } = made();
    expect(spec).toMatchObject({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
    });
    expect(spec?.template.spec?.restartPolicy).toBe('Never');
    expect(spec?.podFailurePolicy?.rules).toEqual([
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailJob',
        onExitCodes: { operator: 'In', values: Array.from({ length: 16 }, (_, at) => 64 + at) },
      },
    ]);
  });

  it('has a deadline for its pod, one for its waiting, and stays longer than an outage (F17)', () => {
    const { spec } = made();
    expect(spec?.template.spec?.activeDeadlineSeconds).toBe(91);
    expect(spec?.activeDeadlineSeconds).toBe(3600);
    expect(spec?.ttlSecondsAfterFinished).toBe(7 * 24 * 3600);
    expect(made({}, { ttlMs: 1500 }).spec?.ttlSecondsAfterFinished).toBe(2);
  });

  it('whose deadline is over still has one that Kubernetes accepts', () => {
    const late = made({ deadline: new Date(NOW - 1).toISOString() });
    expect(late.spec?.activeDeadlineSeconds).toBe(1);
  });

  it.each([
    ['flight-delay', 'flight-delay'],
    ['a b/c', 'a-b-c'],
    ['-x_', 'x'],
    [`${'a'.repeat(62)}_b`, 'a'.repeat(62)],
    ['…', ''],
  ])('has a label for the tag %j', (tag, label) => {
    expect(labelValue(tag)).toBe(label);
    expect(made({ tag }).metadata.labels).toMatchObject({ 'modelyard.dev/tag': label });
  });

  it('is told apart from another of its name by namespace and uid', () => {
    const identity = { namespace: 'ml', uid: '0b2f-1' };
    expect(readIdentity(sayIdentity(identity))).toEqual(identity);
    for (const other of ['', 'never', 'a/b/c', '/x', 'x/'])
      expect(readIdentity(other)).toBeUndefined();
  });
});

describe('its pod', () => {
  it('keeps to the restricted profile and has no token of a service account', () => {
    const pod = podOf({ program: IMAGE_JOB });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    const all = [...(pod.initContainers ?? []), ...pod.containers];
    expect(all).toHaveLength(3);
    for (const { securityContext } of all)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    for (const volume of pod.volumes ?? []) {
      const { name: _, ...source } = volume;
      expect(['downwardAPI', 'emptyDir']).toContain(Object.keys(source).join());
    }
  });

  it('runs one step of the harness, by digest', () => {
    expect(mainOf()).toMatchObject({ name: 'main', image: HARNESS_IMAGE, args: ['train'] });
    expect(mainOf().command).toBeUndefined();
  });

  it('reads its document from an annotation of its own', () => {
    const { template } = made().spec ?? {};
    expect(template?.metadata?.annotations).toEqual({
      'modelyard.dev/document': '{"schema":1,"params":{"depth":3}}',
    });
    expect(template?.spec?.volumes?.find(({ name }) => name === 'input')?.downwardAPI).toEqual({
      items: [
        {
          path: 'document.json',
          fieldRef: { fieldPath: "metadata.annotations['modelyard.dev/document']" },
        },
      ],
    });
    expect(valueOf(mainOf(), 'MODELYARD_INPUT')).toBe('/modelyard/input/document.json');
    expect(mainOf().volumeMounts).toContainEqual({
      name: 'input',
      mountPath: '/modelyard/input',
      readOnly: true,
    });
  });

  it('is not made of a document that no annotation holds, in bytes', () => {
    const room = 256 * 1024 - 'modelyard.dev/document'.length - '{"a":""}'.length;
    expect(() => made({ document: { a: 'x'.repeat(room) } })).not.toThrow();
    expect(() => made({ document: { a: `${'x'.repeat(room - 1)}é` } })).toThrow(
      /job-1: expected a job document of at most 262122 bytes.*got 262123/,
    );
  });

  it('knows where its result goes, which pod it is, and where the registry is', () => {
    const main = mainOf();
    expect(valueOf(main, 'MODELYARD_RESULTS')).toBe('mlflow-artifacts:/jobs/job-1');
    expect(valueOf(main, 'MODELYARD_TERMINATION_LOG')).toBe('/dev/termination-log');
    expect(main.terminationMessagePath).toBe('/dev/termination-log');
    expect(valueOf(main, 'MLFLOW_TRACKING_URI')).toBe('http://mlflow:5000');
    expect(valueOf(main, 'MODELYARD_ALLOWED_TYPES')).toBe('["team.Model"]');
    expect(main.env).toContainEqual({
      name: 'MODELYARD_POD',
      valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } },
    });
  });

  it('gets secrets by reference only, and no variable of the platform as one', () => {
    const settings: Partial<JobSettings> = {
      secrets: { warehouse: { secret: 'team', key: 'password' } },
      registryAuth: { secret: 'mlflow', username: 'user', password: 'pass' },
    };
    const { env } = mainOf({ secrets: { DB_PASSWORD: 'warehouse' } }, settings);
    const by = (name: string, key: string) => ({ secretKeyRef: { name, key } });
    expect(env).toContainEqual({ name: 'DB_PASSWORD', valueFrom: by('team', 'password') });
    expect(env).toContainEqual({
      name: 'MLFLOW_TRACKING_USERNAME',
      valueFrom: by('mlflow', 'user'),
    });
    expect(env).toContainEqual({
      name: 'MLFLOW_TRACKING_PASSWORD',
      valueFrom: by('mlflow', 'pass'),
    });
    expect(env?.some(({ name }) => name === 'MLFLOW_TRACKING_TOKEN')).toBe(false);
    for (const taken of [
      'MODELYARD_HOME',
      'PYTHONPATH',
      'LD_PRELOAD',
      'PATH',
      'MLFLOW_TRACKING_URI',
    ])
      expect(() => made({ secrets: { [taken]: 'warehouse' } }, settings)).toThrow(
        `training.secrets.${taken}`,
      );
    expect(() => made({ secrets: { KEY: 'other' } }, settings)).toThrow(
      /secret 'other', and compute\.targets\.cluster\.secrets has none/,
    );
  });

  it('is given variables as they are, and what the platform says wins', () => {
    const main = mainOf({}, { env: { PRICE: 'a$(HOME)b$$', MLFLOW_TRACKING_URI: 'http://other' } });
    expect(valueOf(main, 'PRICE')).toBe('a$$(HOME)b$$$$');
    expect(main.env?.filter(({ name }) => name === 'MLFLOW_TRACKING_URI')).toEqual([
      { name: 'MLFLOW_TRACKING_URI', value: 'http://mlflow:5000' },
    ]);
  });
});

describe('resources and place (R6, R12)', () => {
  it('are the words of the class: memory and gpus are limits, cpu is a share', () => {
    expect(mainOf({ resources: { class: 'gpu' } }).resources).toEqual({
      requests: { cpu: '2000m', memory: '8192Mi', 'nvidia.com/gpu': '1' },
      limits: { memory: '8192Mi', 'nvidia.com/gpu': '1' },
    });
    const classes = { 'high-memory': { cpu: 0.5, memoryMiB: 64_000, gpu: 0 } };
    expect(mainOf({ resources: { class: 'high-memory' } }, { classes }).resources).toEqual({
      requests: { cpu: '500m', memory: '64000Mi' },
      limits: { memory: '64000Mi' },
    });
    const own = mainOf({ resources: { class: 'cpu', cpu: 3.5, memoryMiB: 100 } });
    expect(own.resources?.requests).toEqual({ cpu: '3500m', memory: '100Mi' });
    expect(valueOf(own, 'OMP_NUM_THREADS')).toBe('3');
  });

  it('go by class and tier, and the tier wins', () => {
    const spot = { key: 'spot', operator: 'Exists' } as const;
    const settings: Partial<JobSettings> = {
      placement: {
        gpu: {
          nodeSelector: { pool: 'gpu', zone: 'a' },
          tolerations: [spot],
          priorityClass: 'batch',
        },
        critical: { nodeSelector: { zone: 'b' }, priorityClass: 'urgent', queue: 'critical' },
      },
      serviceAccount: 'trainer',
      imagePullSecrets: ['pull'],
    };
    const job = made({ resources: { class: 'gpu' }, tier: 'critical' }, settings);
    expect(job.metadata.namespace).toBe('ml-critical');
    expect(job.metadata.labels).toMatchObject({ 'kueue.x-k8s.io/queue-name': 'critical' });
    expect(job.spec?.template.spec).toMatchObject({
      nodeSelector: { pool: 'gpu', zone: 'b' },
      priorityClassName: 'urgent',
      tolerations: [spot, { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
      serviceAccountName: 'trainer',
      imagePullSecrets: [{ name: 'pull' }],
    });
  });

  it('keep an experimental tag out of the critical namespace, and a critical one out of all others (R12)', () => {
    expect(made({ tier: 'experimental' }).metadata.namespace).toBe('ml');
    const own = { standard: 'ml', experimental: 'play' };
    expect(made({ tier: 'experimental' }, { namespaces: own }).metadata.namespace).toBe('play');
    expect(() => made({ tier: 'critical' }, { namespaces: own })).toThrow(
      /compute\.targets\.cluster\.namespaces\.critical: expected a namespace/,
    );
  });
});

describe("a team's own image", () => {
  const pod = podOf(
    { program: IMAGE_JOB, resources: { class: 'gpu' }, secrets: { TOKEN: 'data' } },
    {
      secrets: { data: { secret: 'team', key: 'token' } },
      registryAuth: { secret: 'mlflow', token: 'token' },
    },
  );
  const [prepare, train] = pod.initContainers ?? [];
  const [publish] = pod.containers;

  it('runs between two containers of the harness, its argv as it is', () => {
    expect(prepare).toMatchObject({ name: 'prepare', image: HARNESS_IMAGE, args: ['prepare'] });
    expect(train).toMatchObject({
      name: 'train',
      image: TEAM_IMAGE,
      command: ['train', '--rate=$$(RATE)', '$$$$'],
    });
    expect(publish).toMatchObject({ name: 'main', image: HARNESS_IMAGE, args: ['publish'] });
  });

  it('sees its rows and its secrets, and neither the holdout nor the registry', () => {
    const names = train?.env?.map(({ name }) => name) ?? [];
    expect(names).toContain('TOKEN');
    expect(names.filter((name) => name.startsWith('MLFLOW'))).toEqual([]);
    const mounts = train?.volumeMounts?.map(({ name, readOnly }) => [name, readOnly ?? false]);
    expect(mounts).toEqual([
      ['rows', true],
      ['trained', false],
      ['scratch', false],
    ]);
    expect(publish?.env?.some(({ name }) => name === 'TOKEN')).toBe(false);
  });

  it('has the gpu to itself', () => {
    const gpus = [prepare, train, publish].map(
      (each) => each?.resources?.limits?.['nvidia.com/gpu'],
    );
    expect(gpus).toEqual([undefined, '1', undefined]);
  });

  it.each([
    ['no digest', 'registry.example/team/train:latest', /by digest/],
    ['another repository', TEAM_IMAGE.replace('/team/', '/teams/'), /allows \(registry/],
    ['another registry', `evil.example/${TEAM_IMAGE}`, /allows/],
  ])('is refused with %s', (_what, image, message) => {
    expect(() => made({ program: { ...IMAGE_JOB, image } })).toThrow(message);
  });

  it('is refused by a target that allows none', () => {
    const { images: _, ...without } = SETTINGS;
    expect(() => manifestOf(jobSpec({ program: IMAGE_JOB }), without, NOW)).toThrow(/\(none\)/);
  });
});
