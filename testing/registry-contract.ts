import assert from 'node:assert/strict';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../temporal/names.js';
import { contractCases } from './contract-case.js';
import { ledgerEntries } from './ledger-entries.js';
import { refusedWith } from './refusals.js';
import { observedCases } from './registry-observed-cases.js';
import {
  open,
  projection,
  registerThree,
  registrationOf,
  type RegistryUnderTest,
} from './registry-scene.js';

export type { LoggedPoint, RegistryUnderTest } from './registry-scene.js';

/** What every adapter of the registry port keeps. */
export const registryContract = contractCases<RegistryUnderTest>({
  'has one home for a tag, whoever asks first (S5)': async ({ registry, another, tag }) => {
    const asked = [registry, another, registry, another].map((each) => each.ensureModel(tag));
    const homes = await Promise.all(asked);
    assert.equal(new Set(homes.map(({ experimentId }) => experimentId)).size, 1);
  },

  'opens one run for a key, asked again by another worker (I8, F2)': async (scene) => {
    const first = await open(scene, 'k');
    assert.deepEqual(await open({ ...scene, registry: scene.another }, 'k'), first);
    assert.notEqual((await open(scene, 'other')).runId, first.runId);
  },

  'opens one run for a key that 20 ask for at once (I8, F7)': async (scene) => {
    const asked = Array.from({ length: 20 }, (_, index) =>
      open({ ...scene, registry: index % 2 === 0 ? scene.registry : scene.another }, 'k'),
    );
    const opened = await Promise.all(asked);
    assert.equal(new Set(opened.map(({ runId }) => runId)).size, 1);
    assert.equal((await open(scene, 'k')).runId, opened[0]?.runId);
  },

  'takes the same params again and refuses others (C4, R2)': async (scene) => {
    const { runId } = await open(scene, 'k');
    const params = { depth: 3, 'any name?': { nested: ['x'] }, long: 'x'.repeat(7_000) };
    await scene.registry.record(runId, { params });
    await scene.registry.record(runId, { params });
    await refusedWith(
      'RegistryConflict',
      scene.registry.record(runId, { params: { ...params, depth: 4 } }),
    );
    const other = { ...params, long: `${'x'.repeat(6_999)}y` };
    await refusedWith('RegistryConflict', scene.registry.record(runId, { params: other }));
  },

  'takes hundreds of params': async (scene) => {
    const { runId } = await open(scene, 'k');
    const params = Object.fromEntries(
      Array.from({ length: 230 }, (_, index) => [`p${String(index)}`, index]),
    );
    await scene.registry.record(runId, { params, tags: { a: 'b' } });
    await refusedWith('RegistryConflict', scene.registry.record(runId, { params: { p229: 0 } }));
  },

  'logs metrics at the start of the run, whatever their names, and the same again (S5)': async (
    scene,
  ) => {
    const { runId } = await open(scene, 'k', '2026-01-01T00:00:00Z');
    const metrics = { 'shadow.psi:a (b)': 0.5, 'rate[place=A/B]': 0, plain: -1 };
    await scene.registry.record(runId, { metrics });
    await scene.another.record(runId, { metrics });
    const found = await scene.another.newestMetric({ runId, name: 'plain' });
    assert.deepEqual(found, { value: -1, at: '2026-01-01T00:00:00.000Z' });
  },

  'closes a run, and closes it again (S5)': async (scene) => {
    const { runId } = await open(scene, 'k');
    const end = { status: 'FAILED', at: '2026-01-02T00:00:00Z', tags: { why: 'x' } } as const;
    await scene.registry.closeRun(runId, end);
    await scene.another.closeRun(runId, end);
    assert.equal((await open(scene, 'k')).runId, runId);
  },

  'registers one version for a key, asked again and by five at once (I8, F2)': async (scene) => {
    const registration = await registrationOf(scene, 'k', 'one');
    const asked = [1, 2, 3, 4, 5].map((each) =>
      (each % 2 === 0 ? scene.registry : scene.another).registerVersion(registration),
    );
    const versions = new Set((await Promise.all(asked)).map(({ version }) => version));
    assert.equal(versions.size, 1);
    assert.ok(versions.has((await scene.another.registerVersion(registration)).version));
  },

  'refuses another model under the key of a registered one (I11)': async (scene) => {
    const registration = await registrationOf(scene, 'k', 'one');
    await scene.registry.registerVersion(registration);
    const run = { runId: registration.runId, experimentId: (await open(scene, 'k')).experimentId };
    const result = await scene.publishModel(run, 'two');
    await refusedWith(
      'RegistryConflict',
      scene.registry.registerVersion({ ...registration, result }),
    );
  },

  'follows no model outside the configured roots': async (scene) => {
    const registration = await registrationOf(scene, 'k', 'one');
    const model = { ...registration.result.model, uri: 'mlflow-artifacts:/../x' };
    const result = { ...registration.result, model };
    await refusedWith(
      'InvalidRequest',
      scene.registry.registerVersion({ ...registration, result }),
    );
  },

  'resolves a version to what was registered, however long its features (R10, S8)': async (
    scene,
  ) => {
    const features = Array.from({ length: 900 }, (_, index) => `feature-${String(index)}`);
    const registration = await registrationOf(scene, 'k', 'one', features);
    const { version } = await scene.registry.registerVersion(registration);
    const verdict = { [REGISTRY_TAGS.gateVerdict]: 'passed', [REGISTRY_TAGS.gateIncumbent]: '' };
    await scene.registry.annotateVersion(scene.tag, version, verdict);

    const { model } = registration.result;
    const { tags, gate, ...resolved } = await scene.another.resolve(scene.tag, version);
    assert.deepEqual(resolved, {
      tag: scene.tag,
      version,
      digest: model.digest,
      uri: model.uri,
      files: model.files,
      task: 'regression',
      features,
      trainedOn: registration.result.trainedOn,
      serving: null,
      registryRunId: registration.runId,
    });
    assert.equal(tags[REGISTRY_TAGS.workflowId], 'k');
    assert.deepEqual([gate?.verdict, gate?.incumbent], ['passed', null]);
  },

  'knows no version that is not there': async ({ registry, tag }) => {
    await refusedWith('UnknownModel', registry.resolve(tag, 1));
    await registry.ensureModel(tag);
    await refusedWith('UnknownModel', registry.resolve(tag, 1));
  },

  'journals an entry once and refuses another in its place (I3, F2)': async ({
    registry,
    another,
    tag,
  }) => {
    const entries = ledgerEntries(tag, 3);
    await registry.journal(entries);
    await another.journal(entries);
    const [, forged] = ledgerEntries(tag, 2, 'something else');
    assert.ok(forged);
    const details = await refusedWith('RegistryConflict', another.journal([forged]));
    assert.equal(details['seq'], 2);
    assert.deepEqual(await another.readJournal(tag, 100, 100), entries.toReversed());
  },

  'lets one of two entries win that are journalled at once (I3)': async ({
    registry,
    another,
    tag,
  }) => {
    await registry.ensureModel(tag);
    const [one, two] = [ledgerEntries(tag, 1), ledgerEntries(tag, 1, 'something else')];
    const ends = await Promise.allSettled([registry.journal(one), another.journal(two)]);
    assert.deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const kept = await registry.readJournal(tag, 2, 1);
    assert.deepEqual(kept, ends[0].status === 'fulfilled' ? one : two);
  },

  'reads a long journal newest first, in parts (U1)': async ({ registry, another, tag }) => {
    const entries = ledgerEntries(tag, 504);
    await registry.journal(entries);
    const seqs = async (before: number, limit: number): Promise<number[]> =>
      (await another.readJournal(tag, before, limit)).map(({ seq }) => seq);
    assert.deepEqual(await seqs(505, 3), [504, 503, 502]);
    assert.deepEqual(await seqs(502, 3), [501, 500, 499]);
    assert.deepEqual(await seqs(251, 2), [250, 249]);
    assert.deepEqual(await seqs(1, 5), []);
    assert.deepEqual(await registry.readJournal(tag, 1_000_000, 1_000), entries.toReversed());
  },

  'tells the newest finite value of a metric, whatever its step': async (scene) => {
    const run = await open(scene, 'k');
    const newest = (name: string) => scene.another.newestMetric({ runId: run.runId, name });
    const log = (name: string, value: number, minute: number, step = 0) =>
      scene.logMetric(run, { name, value, at: `2026-01-01T00:0${String(minute)}:00.000Z`, step });
    await log('drift', 0.1, 0, 9);
    await log('drift', -0.25, 2, 1);
    await log('drift', 0.3, 2);
    await log('drift', 0.2, 1);
    for (const [minute, value] of [NaN, Infinity, -Infinity].entries()) {
      await log('drift', value, 3 + minute, minute);
      await log('never finite', value, minute);
    }
    await log('other', 0, 9);
    assert.deepEqual(await newest('drift'), { value: -0.25, at: '2026-01-01T00:02:00.000Z' });
    assert.deepEqual(await newest('other'), { value: 0, at: '2026-01-01T00:09:00.000Z' });
    assert.equal(await newest('never finite'), null);
    assert.equal(await newest('never logged'), null);
  },

  'has an empty journal and no evidence for a tag it does not know': async ({ registry, tag }) => {
    assert.deepEqual(await registry.readJournal(tag, 10, 10), []);
    assert.deepEqual(await registry.readEvidence(tag, null), []);
  },

  'projects the same again, and the newest state whatever was there (S5, I4)': async (scene) => {
    const versions = await registerThree(scene);
    const [one, two, three] = versions;
    const first = projection(scene.tag, { champion: one, previous: null, challenger: two });
    await scene.registry.project(first);
    await scene.another.project(first);
    const second = projection(scene.tag, { champion: three, previous: one, challenger: null });
    await scene.another.project({
      ...second,
      statuses: { [String(one)]: 'previous', [String(three)]: 'champion' },
    });
    const statuses = versions.map(
      async (version) =>
        (await scene.registry.resolve(scene.tag, version)).tags[REGISTRY_TAGS.status],
    );
    assert.deepEqual(await Promise.all(statuses), ['previous', undefined, 'champion']);
  },

  'tells the evidence of past retrains, oldest first (U11)': async (scene) => {
    await retrainWithEvidence(scene, 'b', '2026-01-02T00:00:00Z');
    await retrainWithEvidence(scene, 'a', '2026-01-01T00:00:00Z');
    await open(scene, 'without evidence'.replaceAll(' ', '-'));
    const all = await scene.another.readEvidence(scene.tag, null);
    assert.deepEqual(
      all.map(({ evidence, policy, decision, at }) => ({ evidence, policy, decision, at })),
      [
        {
          evidence: { of: 'a' },
          policy: { metrics: [] },
          decision: 'not-better',
          at: '2026-01-01T00:00:00.000Z',
        },
        {
          evidence: { of: 'b' },
          policy: { metrics: [] },
          decision: 'not-better',
          at: '2026-01-02T00:00:00.000Z',
        },
      ],
    );
    const since = await scene.registry.readEvidence(scene.tag, '2026-01-02T00:00:00Z');
    assert.deepEqual(
      since.map(({ evidence }) => evidence),
      [{ of: 'b' }],
    );
  },

  ...observedCases,
});

async function retrainWithEvidence(
  scene: RegistryUnderTest,
  key: string,
  startedAt: string,
): Promise<void> {
  const { runId } = await open(scene, key, startedAt);
  await scene.registry.record(runId, {
    tags: { [REGISTRY_TAGS.decision]: 'not-better' },
    artifacts: { [RUN_ARTIFACTS.evidence]: { of: key }, [RUN_ARTIFACTS.policy]: { metrics: [] } },
  });
}
