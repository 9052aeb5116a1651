import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BusyError,
  IdempotencyConflictError,
  IntegrityError,
  InvalidRequestError,
  LiveChangedError,
  NoRollbackTargetError,
  Platform,
  QuarantinedError,
  RunCancelledError,
  RunFailedError,
  UnavailableError,
  UnknownModelError,
  UnknownRunError,
  UnknownTagError,
  type RetrainHandle,
} from '../../sdk/index.js';
import { imageDefinition } from './fixtures/definition.js';
import {
  startTemporal,
  startWorker,
  type RunningWorker,
  type TemporalServer,
} from './fixtures/server.js';

const TASK_QUEUE = 'sdk-tests';
let server: TemporalServer;
let worker: RunningWorker;
let platform: Platform;
let client: Client;

const newTag = async (): Promise<string> => {
  const tag = `t-${randomUUID().slice(0, 8)}`;
  await platform.models.apply(imageDefinition(tag));
  return tag;
};
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const drain = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

beforeAll(async () => {
  server = await startTemporal();
  worker = await startWorker(server.address, TASK_QUEUE);
  const temporal = { address: server.address, uiUrl: 'http://127.0.0.1:8233' };
  platform = await Platform.connect({ temporal, taskQueue: TASK_QUEUE, actor: 'alice' });
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
});
afterAll(async () => {
  await platform.close();
  await client.connection.close();
  await worker.stop();
  await server[Symbol.asyncDispose]();
});

describe('models', () => {
  it('applies a definition once: the same again changes nothing and leaves no ledger entry', async () => {
    const tag = await newTag();
    const again = await platform.models.apply(imageDefinition(tag));
    expect(again).toMatchObject({ tag, changed: false, diff: [] });
    expect(await platform.ledger(tag)).toHaveLength(1);
  });

  it('tells each changed field by its path, and writes nothing in a dry run', async () => {
    const tag = await newTag();
    const changed = imageDefinition(tag, { description: 'night flights' });
    const dry = await platform.models.apply(changed, { dryRun: true });
    expect(dry).toMatchObject({
      changed: true,
      diff: [{ path: 'description', from: undefined, to: 'night flights' }],
    });
    expect(await platform.models.get(tag)).not.toHaveProperty('description');
    const wet = await platform.models.apply(changed);
    expect(wet).toStrictEqual(dry);
    expect(await platform.models.get(tag)).toStrictEqual(changed);
  });

  it('lists tags by owner and family', async () => {
    const family = `f-${randomUUID().slice(0, 8)}`;
    await platform.models.apply(imageDefinition(`${family}.north`));
    await platform.models.apply(imageDefinition(`${family}.south`, { tier: 'experimental' }));
    await expect
      .poll(
        async () =>
          (await drain(platform.models.list({ family, owner: 'delays' })))
            .map(({ tag }) => tag)
            .sort(),
        { timeout: 10_000 },
      )
      .toEqual([`${family}.north`, `${family}.south`]);
    expect(
      (await drain(platform.models.list({ family, tier: 'experimental' }))).map(({ tag }) => tag),
    ).toEqual([`${family}.south`]);
    expect(await drain(platform.models.list({ family, owner: 'nobody' }))).toEqual([]);
  });
});

describe('retrain', () => {
  it('F7 R7 starts one run for 100 racing calls with one key', async () => {
    const tag = await newTag();
    const calls = Array.from({ length: 100 }, () =>
      platform.retrain(tag, { idempotencyKey: 'nightly', params: { holdMs: 500 } }),
    );
    const handles = await Promise.all(calls);
    expect(new Set(handles.map(({ workflowId }) => workflowId))).toEqual(
      new Set([`retrain/${tag}/nightly`]),
    );
    const results = await Promise.all(handles.slice(0, 3).map((handle) => handle.result()));
    expect(new Set(results.map(({ reason }) => reason)).size).toBe(1);
    const runs = await drain(
      client.workflow.list({ query: `WorkflowId = 'retrain/${tag}/nightly'` }),
    );
    expect(runs).toHaveLength(1);
  });

  it('I11 R7 refuses another request under a used key, whether its run goes on, completed or failed', async () => {
    const tag = await newTag();
    const running = await platform.retrain(tag, { idempotencyKey: 'k', params: { holdMs: 1000 } });
    const other = { idempotencyKey: 'k', params: { depth: 9 } };
    expect(await rejection(platform.retrain(tag, other))).toMatchObject({
      code: 'IdempotencyConflict',
      idempotencyKey: 'k',
    });
    await running.result();
    expect(await rejection(platform.retrain(tag, other))).toBeInstanceOf(IdempotencyConflictError);
    const failed = await platform.retrain(tag, { idempotencyKey: 'bad', params: { fail: 'boom' } });
    await rejection(failed.result());
    expect(await rejection(platform.retrain(tag, { idempotencyKey: 'bad' }))).toBeInstanceOf(
      IdempotencyConflictError,
    );
  });

  it('answers a completed run again and runs a failed one again, for the same key and request', async () => {
    const tag = await newTag();
    const request = { idempotencyKey: 'once', asOf: new Date('2026-02-03T00:00:00Z') };
    const first = await (await platform.retrain(tag, request)).result();
    expect(first.dataCutoff).toEqual(request.asOf);
    expect(await (await platform.retrain(tag, request)).result()).toEqual(first);
    const failing = { idempotencyKey: 'again', params: { fail: 'boom' } };
    await rejection((await platform.retrain(tag, failing)).result());
    const before = await client.workflow.getHandle(`retrain/${tag}/again`).describe();
    await rejection((await platform.retrain(tag, failing)).result());
    const after = await client.workflow.getHandle(`retrain/${tag}/again`).describe();
    expect(after.runId).not.toBe(before.runId);
  });

  it('R5 shows the run under its tag, actor and owner to another process, which can wait for it', async () => {
    const tag = await newTag();
    const { workflowId, url } = await platform.retrain(tag, { reason: 'a *new* week' });
    expect(url).toBe(
      `http://127.0.0.1:8233/namespaces/default/workflows/${encodeURIComponent(workflowId)}`,
    );
    const described = await client.workflow.getHandle(workflowId).describe();
    expect(described.memo).toMatchObject({ actor: 'alice' });
    expect(await described.staticSummary()).toBe(`retrain ${tag} by alice: a \\*new\\* week`);
    await using elsewhere = await Platform.connect({
      temporal: { address: server.address },
      taskQueue: TASK_QUEUE,
    });
    const handle = (await elsewhere.runs.get(workflowId)) as RetrainHandle;
    expect(handle.kind).toBe('retrain');
    expect(await handle.result()).toMatchObject({ tag, decision: 'not-better' });
    expect(await handle.status()).toMatchObject({
      workflowId,
      tag,
      kind: 'retrain',
      state: 'completed',
    });
    expect(await handle.gate()).toMatchObject({ verdict: 'passed' });
    expect(await handle.rollout()).toBeNull();
    await expect
      .poll(
        async () =>
          (await drain(elsewhere.runs.list({ tag, kind: 'retrain', state: 'completed' }))).length,
        { timeout: 10_000 },
      )
      .toBe(1);
  });

  it('R1 names every bad field at once and starts nothing', async () => {
    const options = { asOf: new Date(NaN), params: { rate: NaN }, reason: '', unknown: 1 } as never;
    const error = (await rejection(platform.retrain('Not A Tag', options))) as InvalidRequestError;
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error.issues.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['tag', 'options.asOf', 'options.reason', 'options']),
    );
  });

  it('refuses a cut-off that is still to come, and takes one that a fast clock gave', async () => {
    const tag = await newTag();
    const ahead = (minutes: number) => ({ asOf: new Date(Date.now() + minutes * 60_000) });
    const error = await rejection(platform.retrain(tag, ahead(10)));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ issues: [{ path: 'options.asOf' }] });
    expect(await (await platform.retrain(tag, ahead(1))).result()).toMatchObject({ tag });
  });

  it('F23 refuses params over 64 KiB after merging and says the sizes', async () => {
    const tag = await newTag();
    const error = await rejection(platform.retrain(tag, { params: { big: 'x'.repeat(65_536) } }));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(String(error)).toContain('options.params: expected at most 65536 bytes');
  });

  it('refuses a tag without a definition', async () => {
    expect(await rejection(platform.retrain('nobody-knows'))).toMatchObject({
      code: 'UnknownTag',
      tag: 'nobody-knows',
    });
    expect(await rejection(platform.status('nobody-knows'))).toBeInstanceOf(UnknownTagError);
  });

  it("rejects a failed run's result with the stage and the user's own exception", async () => {
    const tag = await newTag();
    const run = await platform.retrain(tag, { params: { fail: "KeyError: 'distance'" } });
    const error = await rejection(run.result());
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({
      stage: 'training',
      failureType: 'JobFailed',
      workflowId: run.workflowId,
    });
    expect(String(error)).toContain("KeyError: 'distance'");
    expect(await run.status()).toMatchObject({ state: 'failed' });
  });

  it('rejects with IntegrityError when the artifact was altered', async () => {
    const tag = await newTag();
    const run = await platform.retrain(tag, { params: { fail: 'altered', type: 'Integrity' } });
    expect(await rejection(run.result())).toBeInstanceOf(IntegrityError);
  });

  it('cancels a run, says so, and does nothing to one that has ended', async () => {
    const tag = await newTag();
    const run = await platform.retrain(tag, { params: { holdMs: 600_000 } });
    await run.cancel('not needed');
    const error = await rejection(run.result());
    expect(error).toBeInstanceOf(RunCancelledError);
    expect(String(error)).toContain('not needed');
    expect(await run.status()).toMatchObject({ state: 'cancelled' });
    await run.cancel('again');
  });

  it('watches the stages until the run ends', async () => {
    const tag = await newTag();
    const run = await platform.retrain(tag, { params: { holdMs: 400 } });
    const states = (await drain(run.watch())).map(({ state }) => state);
    expect(states.at(0)).toBe('running');
    expect(states.at(-1)).toBe('completed');
  });

  it("follows the run to its rollout's commit, not to the end of the watch", async () => {
    const tag = await newTag();
    const rollout = await platform.promote(tag, 7, { reason: 'go', idempotencyKey: 'followed' });
    const run = await platform.retrain(tag, { params: { rollout: rollout.workflowId } });
    expect(await run.result()).toMatchObject({ decision: 'promoted' });
    expect((await run.rollout())?.workflowId).toBe(rollout.workflowId);
    const status = await run.status();
    expect(status.state).toBe('completed');
    expect(status.stages.map(({ name }) => name)).toEqual([
      'admission',
      'training',
      'gate',
      'turn',
      'commit',
    ]);
    expect((await drain(run.watch())).at(-1)?.state).toBe('completed');
  });

  it("answers with the rollout's own decision when it was not committed", async () => {
    const tag = await newTag();
    const rollout = await platform.promote(tag, 7, { reason: 'overtaken' });
    expect(await rejection(rollout.committed())).toMatchObject({
      code: 'RunFailed',
      failureType: 'superseded',
    });
    const run = await platform.retrain(tag, { params: { rollout: rollout.workflowId } });
    expect(await run.result()).toMatchObject({
      decision: 'superseded',
      reason: 'a newer one came',
    });
  });
});

describe('promote', () => {
  it('rolls out a model whose gate passed against what is live, and answers the same call again', async () => {
    const tag = await newTag();
    const options = { reason: 'better', idempotencyKey: 'p1' };
    const handle = await platform.promote(tag, 7, options);
    expect(await handle.committed()).toMatchObject({
      action: 'promote',
      to: `${tag}/7`,
      actor: 'alice',
    });
    expect((await platform.promote(tag, 7, options)).workflowId).toBe(handle.workflowId);
    expect(
      await rejection(platform.promote(tag, 7, { ...options, reason: 'worse' })),
    ).toBeInstanceOf(IdempotencyConflictError);
  });

  it('I2 asks for an override where no gate passed, and says why', async () => {
    const tag = await newTag();
    const error = (await rejection(
      platform.promote(tag, 8, { reason: 'try' }),
    )) as InvalidRequestError;
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error.issues[0]).toMatchObject({ path: 'options.override' });
    expect(error.message).toContain('no gate has judged it');
    expect((await platform.promote(tag, 8, { reason: 'try', override: 'seen by hand' })).kind).toBe(
      'rollout',
    );
  });

  it('refuses what cannot be promoted before anything is started', async () => {
    const tag = await newTag();
    expect(await rejection(platform.promote(tag, 404, { reason: 'r' }))).toBeInstanceOf(
      UnknownModelError,
    );
    expect(await rejection(platform.promote(tag, 666, { reason: 'r' }))).toBeInstanceOf(
      IntegrityError,
    );
    expect(await rejection(platform.promote(tag, 13, { reason: 'r' }))).toBeInstanceOf(
      QuarantinedError,
    );
    expect(
      await rejection(platform.promote(tag, 7, { reason: 'r', expectedLive: 99 })),
    ).toBeInstanceOf(LiveChangedError);
    expect(await rejection(platform.promote(tag, 0, { reason: '' }))).toBeInstanceOf(
      InvalidRequestError,
    );
  });
});

describe('rollback, demote, quarantine', () => {
  it('sends one command and answers with its ledger entry', async () => {
    const tag = await newTag();
    const entry = await platform.rollback(tag, { reason: 'wrong', to: 3 });
    expect(entry).toMatchObject({
      action: 'rollback',
      to: `${tag}/3`,
      actor: 'alice',
      workflowId: `tag/${tag}`,
    });
    expect(entry.at).toBeInstanceOf(Date);
    expect(await platform.quarantine(tag, 3, { reason: 'bad' })).toMatchObject({
      action: 'quarantine',
      to: `${tag}/3`,
    });
    expect(await platform.release(tag, 3, { reason: 'good' })).toMatchObject({ action: 'release' });
  });

  it('S5 gives the first answer again for the same key, with one effect', async () => {
    const tag = await newTag();
    const calls = Array.from({ length: 8 }, () =>
      platform.rollback(tag, { reason: 'wrong', idempotencyKey: 'once' }),
    );
    const entries = await Promise.all(calls);
    expect(new Set(entries.map(({ hash }) => hash)).size).toBe(1);
    expect((await platform.ledger(tag)).filter(({ action }) => action === 'rollback')).toHaveLength(
      1,
    );
  });

  it('repeats a command while the tag is overloaded', async () => {
    const tag = await newTag();
    expect(await platform.rollback(tag, { reason: 'busy' })).toMatchObject({ action: 'rollback' });
  });

  it('F6 repeats under the same update id a command that was accepted by a run which then ended', async () => {
    const tag = await newTag();
    expect(await platform.rollback(tag, { reason: 'cut off' })).toMatchObject({
      action: 'rollback',
    });
    expect((await platform.ledger(tag)).filter(({ action }) => action === 'rollback')).toHaveLength(
      1,
    );
  });

  it('tells a refusal as the error a caller can act on, with what to do', async () => {
    const tag = await newTag();
    const none = await rejection(platform.rollback(tag, { reason: 'no target' }));
    expect(none).toBeInstanceOf(NoRollbackTargetError);
    expect(String(none)).toContain('promote a version');
    const busy = await rejection(platform.demote(tag, { reason: 'off' }));
    expect(busy).toBeInstanceOf(BusyError);
    expect(busy).toMatchObject({ workflowId: 'rollout/x/1/k' });
  });

  it('refuses a tag that does not exist, and a missing reason', async () => {
    expect(await rejection(platform.rollback('nobody-knows', { reason: 'r' }))).toBeInstanceOf(
      UnknownTagError,
    );
    expect(await rejection(platform.rollback('nobody-knows', {} as never))).toBeInstanceOf(
      InvalidRequestError,
    );
  });
});

describe('ledger', () => {
  it('U1 says what was live at an instant, and verifies the chain against the head', async () => {
    const tag = await newTag();
    const entry = await platform.rollback(tag, { reason: 'back', to: 4 });
    expect(await platform.liveAt(tag, new Date(entry.at.getTime() + 1))).toMatchObject({
      live: `${tag}/4`,
      entry: { seq: 2 },
    });
    expect(await platform.liveAt(tag, new Date(0))).toEqual({ live: null, entry: null });
    expect(await platform.verify(tag)).toEqual({ ok: true, checked: 2 });
  });

  it('I3 reports entries that neither the tag nor the journal holds', async () => {
    const tag = await newTag();
    for (const version of [2, 3, 4]) await platform.quarantine(tag, version, { reason: 'r' });
    expect(await platform.verify(tag)).toMatchObject({ ok: false, firstBad: { seq: 1 } });
  });
});

describe('runs', () => {
  it('shows no credential to what prints or serializes a handle', async () => {
    const token = 'token-of-the-gateway';
    await using holding = await Platform.connect({
      temporal: { address: server.address },
      gateway: { url: 'http://127.0.0.1:1', token },
      taskQueue: TASK_QUEUE,
    });
    const tag = await newTag();
    const handles = [
      await holding.retrain(tag, { idempotencyKey: 'k' }),
      await holding.promote(tag, 7, { reason: 'better' }),
    ];
    for (const handle of [...handles, holding]) {
      expect(JSON.stringify(handle)).not.toContain(token);
      expect(inspect(handle, { depth: 8, showHidden: true })).not.toContain(token);
    }
    expect(JSON.stringify(handles[0])).toContain(`retrain/${tag}/k`);
  });

  it('R1 refuses a list by what does not exist, naming every field', async () => {
    const wrong = {
      tag: 'Not A Tag',
      kind: 'training',
      state: 'done',
      waitingFor: 'luck',
      since: new Date(NaN),
    };
    const error = await rejection(drain(platform.runs.list(wrong as never)));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect((error as InvalidRequestError).issues.map(({ path }) => path)).toEqual(
      Object.keys(wrong).map((name) => `options.${name}`),
    );
    const models = rejection(drain(platform.models.list({ tier: 'gold', state: 'up' } as never)));
    expect(await models).toMatchObject({
      code: 'InvalidRequest',
      issues: [{ path: 'options.tier' }, { path: 'options.state' }],
    });
  });

  it('F5 names MLflow when a read for a verb does not end, which the server bounds', async () => {
    const tag = await newTag();
    const promoted = rejection(platform.promote(tag, 503, { reason: 'better' }));
    const query = `WorkflowType = 'read' AND ModelTag = '${tag}'`;
    const started = async () =>
      (await drain(client.workflow.list({ query }))).find(({ workflowId }) =>
        workflowId.startsWith('read/model/'),
      );
    await expect.poll(started, { timeout: 10_000 }).toBeDefined();
    const read = client.workflow.getHandle((await started())?.workflowId ?? '');
    const { raw } = await read.describe();
    expect(Number(raw.executionConfig?.workflowRunTimeout?.seconds)).toBeLessThanOrEqual(35);
    await read.terminate('out of time');
    const error = await promoted;
    expect(error).toMatchObject({ code: 'Unavailable', dependency: 'mlflow' });
    expect(String(error)).toMatch(/MLflow.*MLFLOW_TRACKING_URI/);
  });

  it('knows no run by an id that never was, or that names something else', async () => {
    expect(await rejection(platform.runs.get('retrain/x/never'))).toBeInstanceOf(UnknownRunError);
    expect(await rejection(platform.runs.get('tag/x'))).toBeInstanceOf(UnknownRunError);
  });
});

describe('schedules', () => {
  it('edits the schedule of the definition, and says what is not supported', async () => {
    const tag = await newTag();
    const spec = { cron: '30 3 * * *', timezone: 'Europe/Berlin' };
    const applied = await platform.schedules.apply(tag, spec);
    expect(applied).toMatchObject({
      changed: true,
      diff: [{ path: 'schedule', from: undefined, to: spec }],
    });
    expect((await platform.models.get(tag)).schedule).toEqual(spec);
    expect(await platform.schedules.apply(tag, spec)).toMatchObject({ changed: false });
    await platform.schedules.delete(`tag/${tag}`);
    expect((await platform.models.get(tag)).schedule).toBeUndefined();
    expect(
      String(await rejection(platform.schedules.apply({ family: 'f' } as never, spec))),
    ).toContain('not supported');
    expect(await rejection(platform.schedules.pause('fleet/x', { reason: 'r' }))).toBeInstanceOf(
      InvalidRequestError,
    );
    expect(await rejection(platform.schedules.pause('tag/nobody', { reason: 'r' }))).toBeInstanceOf(
      UnknownTagError,
    );
  });
});

describe('without Temporal', () => {
  it('F5 says so when it is not there, and names how to correct the address', async () => {
    const error = await rejection(Platform.connect({ temporal: { address: '127.0.0.1:1' } }));
    expect(error).toMatchObject({ code: 'Unavailable', dependency: 'temporal' });
    expect(String(error)).toContain('TEMPORAL_ADDRESS');
  });

  it('F5 F30 rejects a call within its deadline when the server has died', async () => {
    await using dying = await startTemporal();
    await using orphan = await Platform.connect({ temporal: { address: dying.address } });
    dying.process.kill('SIGKILL');
    const error = await rejection(orphan.runs.get('retrain/x/k'));
    expect(error).toMatchObject({ code: 'Unavailable', dependency: 'temporal' });
  }, 60_000);
});

describe('a platform that is closed', () => {
  it('F5 while it tries again to reach a dead server ends the tries, and the call rejects', async () => {
    await using dying = await startTemporal();
    const orphan = await Platform.connect({ temporal: { address: dying.address } });
    dying.process.kill('SIGKILL');
    const asked = rejection(orphan.runs.get('retrain/x/k'));
    await sleep(1_000);
    await orphan.close();
    expect(await asked).toMatchObject({ code: 'Unavailable', dependency: 'temporal' });
  }, 60_000);
});

describe('without a worker', () => {
  it('says within moments which queue nobody works on', async () => {
    await using lonely = await Platform.connect({
      temporal: { address: server.address },
      taskQueue: 'nobody-here',
    });
    const tag = `t-${randomUUID().slice(0, 8)}`;
    const error = await rejection(lonely.models.apply(imageDefinition(tag)));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ dependency: 'worker' });
    expect(String(error)).toMatch(/nobody-here.*modelyard dev/s);
  }, 60_000);

  it('says so of a worker that was there a moment ago, and starts no run', async () => {
    const taskQueue = 'leaving';
    await using leaving = await Platform.connect({
      temporal: { address: server.address },
      taskQueue,
    });
    const tag = `t-${randomUUID().slice(0, 8)}`;
    {
      await using _ = await startWorker(server.address, taskQueue);
      await leaving.models.apply(imageDefinition(tag));
    }
    const error = await rejection(leaving.retrain(tag, { idempotencyKey: 'k' }));
    expect(error).toMatchObject({ code: 'Unavailable', dependency: 'worker' });
    expect(await rejection(leaving.runs.get(`retrain/${tag}/k`))).toBeInstanceOf(UnknownRunError);
  }, 60_000);
});
