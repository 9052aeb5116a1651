import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createKubernetesCompute,
  type KubernetesCompute,
} from '../../../activities/compute/kubernetes.js';
import { startTcpFaultProxy } from '../../../testing/index.js';
import { useCluster } from '../../support/kubernetes/cluster.js';
import { CREATES_OF_JOBS, jobsIn } from '../../support/kubernetes/jobs.js';
import {
  eventually,
  IMAGES,
  type KubernetesStand,
  makeKubernetesStand,
  ROLE,
  withToken,
} from './kubernetes-stand.js';

const TIMEOUT_MS = 120_000;
const IMPATIENT = { tryMs: 500, callMs: 1_000 };

describe('an examination of a target of Kubernetes', { timeout: TIMEOUT_MS }, () => {
  const cluster = useCluster({ images: IMAGES });
  let stand: KubernetesStand;
  beforeEach(async () => {
    stand = await makeKubernetesStand(cluster());
  }, TIMEOUT_MS);
  afterEach(() => stand.dispose());

  const wrong = (namespace: string, ...details: RegExp[]) =>
    details.map((detail) => ({
      what: namespace,
      ok: false,
      detail: expect.stringMatching(detail) as string,
    }));
  const inOrder = () => ({ what: stand.namespace, ok: true, detail: 'Jobs may be made' });
  /** Resolves with what is found first that is not in order, once an admission or a quota is in force. */
  const refused = () =>
    eventually('a refusal', async () => (await stand.compute.examine()).find(({ ok }) => !ok));
  /** As an operator whose kubeconfig is good for all of the cluster. */
  async function everywhere(namespaces: { standard: string; critical: string }) {
    const kubeconfig = join(stand.base, 'everywhere');
    await writeFile(kubeconfig, cluster().kubeconfig);
    return createKubernetesCompute({ ...stand.options, namespaces, cluster: { kubeconfig } });
  }
  async function examinedBy(compute: KubernetesCompute) {
    try {
      return await compute.examine();
    } finally {
      await compute.close();
    }
  }

  it('S12 finds that Jobs may be made, and makes none', async () => {
    expect(await stand.compute.examine()).toEqual([inOrder()]);
    const { batch, core } = jobsIn(cluster(), stand.namespace);
    expect((await batch.listNamespacedJob({ namespace: stand.namespace })).items).toEqual([]);
    expect((await core.listNamespacedPod({ namespace: stand.namespace })).items).toEqual([]);
    const uses = (await cluster().audited()).filter(({ user }) => user === stand.account.user);
    expect(
      uses.map(({ verb, resource, status }) => `${verb} ${resource} ${String(status)}`).sort(),
    ).toEqual(['create jobs 201', 'list jobs 200', 'list pods 200']);
  });

  it('S12 finds the same where a Job of its name is', async () => {
    const { create } = jobsIn(cluster(), stand.namespace);
    const container = { name: 'main', image: 'registry.test/none' };
    await create({
      metadata: { name: 'modelyard-doctor' },
      spec: {
        suspend: true,
        template: { spec: { restartPolicy: 'Never', containers: [container] } },
      },
    });
    expect(await stand.compute.examine()).toEqual([inOrder()]);
  });

  it('S12 names the namespace of a tier that is not there, and goes on with the others', async () => {
    const namespaces = { standard: stand.namespace, critical: 'absent' };
    const compute = await stand.through(undefined, { namespaces });
    expect(await compute.examine()).toEqual([
      inOrder(),
      ...wrong(
        'absent',
        /the namespace or its Role there is missing.*cannot list.*"jobs"/,
        /"pods"/,
        /create/,
      ),
    ]);
    expect(await examinedBy(await everywhere(namespaces))).toEqual([
      inOrder(),
      ...wrong(
        'absent',
        /^a namespace of compute\.targets does not exist \(404 NotFound\): .*"absent"/,
      ),
    ]);
  });

  it('S12 names every right that the Role lacks', async () => {
    const rules = ROLE.map((rule) => ({
      ...rule,
      verbs: rule.verbs.filter((verb) => verb !== 'create'),
    })).filter(({ resources }) => !resources.includes('pods'));
    await using other = await makeKubernetesStand(cluster(), rules);
    expect(await other.compute.examine()).toEqual(
      wrong(
        other.namespace,
        /the Role is too small.*\(403 Forbidden\): pods is forbidden: .*cannot list/,
        /\(403 Forbidden\): jobs\.batch is forbidden: .*cannot create.*; correct compute\.targets, or/,
      ),
    );
  });

  it('S12 F15 names a quota that lets no Job be made', async () => {
    await cluster().api.post(`/api/v1/namespaces/${stand.namespace}/resourcequotas`, {
      metadata: { name: 'jobs' },
      spec: { hard: { 'count/jobs.batch': '0' } },
    });
    expect([await refused()]).toEqual(
      wrong(
        stand.namespace,
        /quota is used up \(403 Forbidden\): .*exceeded quota: jobs.*; free or start/,
      ),
    );
  });

  it('S12 names an admission that refuses its Jobs, in the words of the admission', async () => {
    const name = `refuses-${stand.namespace}`;
    const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
    const bindings = `${policies.slice(0, -'policies'.length)}policybindings`;
    await cluster().api.post(policies, {
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: CREATES_OF_JOBS,
        validations: [{ expression: "'team' in object.metadata.labels", message: 'name a team' }],
      },
    });
    const here = { matchLabels: { 'kubernetes.io/metadata.name': stand.namespace } };
    await cluster().api.post(bindings, {
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: here },
      },
    });
    expect([await refused()]).toEqual(wrong(stand.namespace, /name a team/));
  });

  it('S12 F30 has an end when the apiserver is silent or away, and says it once', async () => {
    const { hostname, port } = new URL(cluster().server);
    await using proxy = await startTcpFaultProxy({ host: hostname, port: Number(port) });
    const silent = await stand.through(`https://127.0.0.1:${String(proxy.port)}`, {}, IMPATIENT);
    expect(await silent.examine()).toEqual([inOrder()]);
    proxy.strike({ kind: 'black-hole' });
    const said = /^the apiserver does not answer: .*; free or start what the message names/;
    expect(await silent.examine()).toEqual(wrong(stand.namespace, said));
    const away = await stand.through('https://127.0.0.1:1', {}, IMPATIENT);
    expect(await away.examine()).toEqual(wrong(stand.namespace, /does not answer: .*ECONNREFUSED/));
  });

  it('S12 F19 names credentials that are refused, and never shows them', async () => {
    const kubeconfig = join(stand.base, 'revoked');
    await writeFile(kubeconfig, withToken(stand.account.kubeconfig, 'hunter2-hunter2'));
    const compute = createKubernetesCompute({ ...stand.options, cluster: { kubeconfig } });
    const found = await examinedBy(compute);
    expect(found).toEqual(
      wrong(stand.namespace, /refuses the worker's credentials \(401 Unauthorized\)/),
    );
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  it('S12 names a kubeconfig that cannot be read, and never shows what is in it', async () => {
    const kubeconfig = join(stand.base, 'broken');
    await writeFile(
      kubeconfig,
      'users:\n- name: worker\n  user:\n    token: hunter2-hunter2\n   x: [',
    );
    const compute = createKubernetesCompute({ ...stand.options, cluster: { kubeconfig } });
    const found = await examinedBy(compute);
    expect(found).toEqual(wrong(stand.namespace, /compute\.targets: cluster .*broken: /));
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });
});
