import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RetrainHandle, RetrainResult } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  aliasesOf,
  artifact,
  metricsOfModel,
  openJobs,
  runsOf,
  versionsOf,
  type RecordedRun,
} from './support/left-behind.js';
import {
  connected,
  CUTOFF,
  definitionOf,
  FLIGHT,
  newTag,
  traced,
  type Connected,
} from './support/platform.js';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

describe('a first retrain', () => {
  const tag = newTag('loop');
  const depth = { nested: [1, 'two', null] };
  let trace: string;
  let run: RetrainHandle;
  let result: RetrainResult;
  beforeAll(async () => {
    trace = join(await mkdtemp(join(tmpdir(), 'trace-')), 'trace');
    await on.platform.models.apply(
      definitionOf(tag, {
        params: { trace, depth, dropped: 'by the call' },
        evaluation: { cluster: ['date', 'origin', 'hour'], slices: ['carrier'] },
      }),
    );
    run = await on.platform.retrain(tag, { asOf: CUTOFF, params: { dropped: null, call: 1 } });
    result = await run.result();
  });

  it('C1 R9 R10 trains, judges and promotes by one line, and the tag answers with the new model', async () => {
    expect(result).toMatchObject({ decision: 'promoted', modelId: `${tag}/1`, incumbent: null });
    expect(await on.platform.score(tag, FLIGHT)).toMatchObject({
      modelId: `${tag}/1`,
      predictions: [expect.any(Number)],
    });
  });

  it("R2 hands the params, the call's over the definition's, to the user's code untouched and once", async () => {
    const given = { trace, depth, call: 1 };
    expect((await traced(trace)).map(({ params }) => params)).toEqual([given]);
    const [recorded] = await runsOf(on.stack, tag);
    expect(recorded?.data.params).toMatchObject({ depth: JSON.stringify(depth), call: '1' });
    expect(await artifact(`${recorded?.info.artifact_uri ?? ''}/params.json`)).toEqual(given);
  });

  it('R5 answers status and result in another process, with code revision, model id and metrics', async () => {
    const told = await elsewhere(run.workflowId);
    expect(told.status).toMatchObject({ state: 'completed', kind: 'retrain', tag });
    expect(told.status.stages.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'admission done',
      'training done',
      'registration done',
      'evaluation done',
      'gate done',
      'handover done',
      'candidate done',
      'turn done',
      'shadow skipped',
      'approval skipped',
      'host done',
      'canary skipped',
      'commit done',
    ]);
    expect(told.result).toEqual(JSON.parse(JSON.stringify(result)));
    expect(told.result).toMatchObject({
      modelId: `${tag}/1`,
      codeRevision: expect.stringMatching(/^[0-9a-f]{40}|^sha256:/) as string,
      codeDigest: expect.stringMatching(DIGEST) as string,
      dataCutoff: CUTOFF.toISOString(),
      gate: { verdict: 'passed' },
    });
    expect(aucOf(result)).toBeGreaterThan(0.5);
  });

  it('S8 records on the version which code, data, definition and judgement it comes from', async () => {
    const { digest: definitionDigest } = await on.platform.models.apply(
      await on.platform.models.get(tag),
    );
    const [version] = await versionsOf(on.stack, tag);
    const text: unknown = expect.any(String);
    const digest: unknown = expect.stringMatching(DIGEST);
    expect(version?.tags).toMatchObject({
      'modelyard.workflow_id': run.workflowId,
      'modelyard.digest': digest,
      'modelyard.data_digest': digest,
      'modelyard.definition_digest': definitionDigest,
      'modelyard.code_digest': result.codeDigest,
      'modelyard.code_revision': result.codeRevision,
      'modelyard.data_cutoff': CUTOFF.toISOString(),
      'modelyard.task': 'binary-classification',
      'modelyard.features': JSON.stringify(definitionOf(tag).training.features),
      'modelyard.trained_on': text,
      'modelyard.files': text,
      'modelyard.gate_verdict': 'passed',
      'modelyard.gate_policy_digest': result.gate?.policyDigest,
      'modelyard.judged_under': digest,
    });
    const [promotion] = await on.platform.ledger(tag, { limit: 1 });
    expect(promotion).toMatchObject({
      action: 'promote',
      digest: version?.tags['modelyard.digest'],
    });
  });

  it('S8 records on the run the data sets, the metrics on them, and every report', async () => {
    const [recorded] = (await runsOf(on.stack, tag)) as [RecordedRun];
    const { data, info, inputs } = recorded;
    // MLflow keeps the first characters of a data set's digest.
    const held = result.gate?.holdout.digest.slice('sha256:'.length, 'sha256:'.length + 32);
    expect(inputs).toEqual(
      expect.arrayContaining([
        { dataset: { name: `${tag} holdout`, digest: held }, context: 'evaluation' },
        { dataset: { name: `${tag} training`, digest: expect.any(String) }, context: 'training' },
      ]) as unknown,
    );
    const auc = { key: 'auc', value: aucOf(result) };
    expect(data.metrics).toEqual(
      expect.arrayContaining([
        expect.objectContaining(auc),
        expect.objectContaining({ key: 'auc/carrier.DL' }),
      ]) as unknown,
    );
    const measured: unknown = expect.objectContaining({ ...auc, dataset_digest: held });
    expect(await metricsOfModel(on.stack, recorded)).toContainEqual(measured);
    const at = (path: string): Promise<unknown> => artifact(`${info.artifact_uri}/${path}`);
    expect(await at('gate/report.json')).toEqual(result.gate);
    expect(await at('gate/policy.json')).toEqual(definitionOf(tag).gate);
    expect(await at('definition.json')).toMatchObject({ tag, owner: { team: 'testers' } });
    expect(await at('training/manifest.json')).toMatchObject({
      features: definitionOf(tag).training.features,
      holdout: { rows: result.gate?.holdout.rows },
    });
    expect(await at('training/result.json')).toMatchObject({ codeDigest: result.codeDigest });
    expect(await at('evaluation/evidence.json')).toMatchObject({
      candidate: `${tag}/1`,
      figures: ['evaluation/roc.png', 'evaluation/calibration.png'],
    });
  });

  it("C4 leaves one finished run, which its version names, and the aliases in the registry's own words", async () => {
    const runs = await runsOf(on.stack, tag);
    expect(runs.map(({ info }) => info)).toMatchObject([
      { run_id: result.registryRunId, status: 'FINISHED' },
    ]);
    expect(runs[0]?.data.tags).toMatchObject({ 'modelyard.decision': 'promoted' });
    expect(await versionsOf(on.stack, tag)).toMatchObject([
      { version: '1', run_id: result.registryRunId },
    ]);
    await inSync(tag);
    expect(await aliasesOf(on.stack, tag)).toEqual({ champion: '1' });
  });
});

describe('a retrain against a live model', () => {
  const tag = newTag('against');
  const retrain = async (
    over: Parameters<typeof definitionOf>[1],
    options: { autoPromote?: boolean } = {},
  ): Promise<RetrainResult> => {
    await on.platform.models.apply(definitionOf(tag, over));
    return (await on.platform.retrain(tag, { asOf: CUTOFF, ...options })).result();
  };
  const { gate } = definitionOf(tag);
  beforeAll(async () => {
    expect(await retrain({})).toMatchObject({ decision: 'promoted' });
  });

  it("R9 leaves a worse candidate where it is, with the rule's own numbers in the reason", async () => {
    const result = await retrain({ params: { behave: 'constant' } });
    expect(result).toMatchObject({ decision: 'not-better', incumbent: `${tag}/1` });
    expect(result.reason).toMatch(/auc/);
    const check = result.gate?.checks.find(({ rule }) => rule === 'auc improvement');
    expect(check).toMatchObject({ verdict: 'failed', candidate: 0.5 });
    expect(check?.difference).toBeLessThan(0);
    expect(await on.platform.status(tag)).toMatchObject({ live: `${tag}/1`, rollout: null });
  });

  it.each([
    ['the definition, whatever the call says,', { gate: { ...gate, autoPromote: false } }, true],
    ['the call', {}, false],
  ])('R9 records better and does not promote when %s says so', async (_, over, autoPromote) => {
    const result = await retrain({ better: true, ...over }, { autoPromote });
    expect(result).toMatchObject({
      decision: 'better-not-promoted',
      gate: { verdict: 'passed' },
      incumbent: `${tag}/1`,
    });
    expect(await on.platform.status(tag)).toMatchObject({ live: `${tag}/1` });
    const runs = await runsOf(on.stack, tag);
    expect(runs.at(-1)?.data.tags['modelyard.decision']).toBe('better-not-promoted');
  });

  it('R9 U4 promotes a better one on the same rows, and names both models in the registry', async () => {
    const result = await retrain({ better: true });
    expect(result).toMatchObject({ decision: 'promoted', incumbent: `${tag}/1` });
    const version = Number(result.modelId?.split('/')[1]);
    const check = result.gate?.checks.find(({ rule }) => rule === 'auc improvement');
    expect(check?.difference).toBeCloseTo((check?.candidate ?? 0) - (check?.incumbent ?? 0), 10);
    await inSync(tag);
    expect(await aliasesOf(on.stack, tag)).toEqual({ champion: String(version), previous: '1' });
    const statuses = (await versionsOf(on.stack, tag)).map(({ tags }) => tags['modelyard.status']);
    expect([statuses[0], statuses.at(-1)]).toEqual(['previous', 'champion']);
    expect(await openJobs(tag)).toEqual([]);
  });
});

const aucOf = ({ gate }: RetrainResult): number | null | undefined =>
  gate?.checks.find(({ rule }) => rule === 'auc threshold')?.candidate;

/** The registry's view follows within moments. */
async function inSync(tag: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { registry } = await on.platform.status(tag);
      expect(registry).toEqual({ inSync: true, pending: 0, parked: null });
    },
    { timeout: 30_000, interval: 200 },
  );
}

interface Told {
  status: Awaited<ReturnType<RetrainHandle['status']>>;
  result: unknown;
}

/** Asks for a run by its id alone, from a process that knows nothing else of it. */
async function elsewhere(workflowId: string): Promise<Told> {
  const program = `
    import { Platform } from 'modelyard';
    const platform = await Platform.connect();
    const run = await platform.runs.get(process.argv[1]);
    console.log(JSON.stringify({ status: await run.status(), result: await run.result() }));
    await platform.close();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', program, workflowId],
    { env: { ...process.env, TEMPORAL_ADDRESS: on.stack.temporal.address } },
  );
  return JSON.parse(stdout) as Told;
}
