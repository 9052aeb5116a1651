import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMlflowRegistry } from '../../../activities/registry/mlflow.js';
import type { RunOpening } from '../../../activities/registry/port.js';
import { applicationFailure, isFailure } from '../../../temporal/errors.js';
import {
  startHttpFaultProxy,
  type HttpFaultProxy,
} from '../../../testing/fault-proxy/http-proxy.js';
import { ledgerEntries } from '../../../testing/ledger-entries.js';
import { refusedWith } from '../../../testing/refusals.js';
import { callMlflow, logMetric, publishModel } from '../../support/mlflow-api.js';
import { startMlflow, type MlflowServer } from '../../support/mlflow-server.js';

let server: MlflowServer;
let proxy: HttpFaultProxy;
beforeAll(async () => {
  server = await startMlflow();
  proxy = await startHttpFaultProxy(server.url);
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
afterEach(() => {
  proxy.calm();
});

const CREATE_RUN = /^POST .*\/runs\/create$/;
const CREATE_VERSION = /^POST .*\/model-versions\/create$/;

function registry(options: { timeoutMs?: number } = {}) {
  return createMlflowRegistry({
    trackingUri: proxy.url,
    roots: ['mlflow-artifacts:/'],
    ...options,
  });
}

function openingOf(tag: string, key = 'k'): RunOpening {
  return {
    key: `retrain/${tag}/${key}`,
    tag,
    kind: 'retrain',
    workflowId: 'retrain/contract',
    startedAt: '2026-01-01T00:00:00Z',
    params: { seed: 1 },
    tags: {},
    artifacts: { 'definition.json': { tag } },
  };
}

interface FoundRun {
  info: { run_id: string; status: string };
  data: { tags: { key: string; value: string }[]; params?: { key: string; value: string }[] };
}

async function runsOf(tag: string): Promise<FoundRun[]> {
  const { experiment } = (await callMlflow(
    server.url,
    'GET',
    `experiments/get-by-name?experiment_name=modelyard/${tag}`,
  )) as { experiment: { experiment_id: string } };
  const body = { experiment_ids: [experiment.experiment_id], max_results: 1_000 };
  const found = await callMlflow(server.url, 'POST', 'runs/search', body);
  return (found['runs'] ?? []) as FoundRun[];
}

async function versionsOf(
  tag: string,
): Promise<{ version: string; tags: { key: string; value: string }[] }[]> {
  const path = `model-versions/search?filter=${encodeURIComponent(`name='${tag}'`)}`;
  const found = await callMlflow(server.url, 'GET', path);
  return (found['model_versions'] ?? []) as {
    version: string;
    tags: { key: string; value: string }[];
  }[];
}

async function registrationIn(tag: string) {
  const run = await registry().openRun(openingOf(tag));
  const result = await publishModel(server.url, run, 'model');
  return { key: `retrain/${tag}/k/register`, tag, runId: run.runId, result, tags: {} };
}

describe('a call that happened although its answer was lost', () => {
  it('leaves one run (F2, C4)', async () => {
    await registry().ensureModel('lost-run');
    proxy.inject(CREATE_RUN, { kind: 'lose-answer' });
    const opened = await registry().openRun(openingOf('lost-run'));
    expect((await runsOf('lost-run')).map(({ info }) => info.run_id)).toEqual([opened.runId]);
  });

  it('leaves one run when the answer never came, and the next attempt adopts it (F2, F30)', async () => {
    await registry().ensureModel('late-run');
    proxy.inject(CREATE_RUN, { kind: 'hang' });
    const opened = await registry({ timeoutMs: 1_500 }).openRun(openingOf('late-run'));
    expect(await registry().openRun(openingOf('late-run'))).toEqual(opened);
    expect(await runsOf('late-run')).toHaveLength(1);
  });

  it('leaves one version (F2, I8)', async () => {
    const registration = await registrationIn('lost-version');
    proxy.inject(CREATE_VERSION, { kind: 'lose-answer' });
    expect(await registry().registerVersion(registration)).toEqual({ version: 1 });
    expect(await registry().registerVersion(registration)).toEqual({ version: 1 });
    expect(await versionsOf('lost-version')).toHaveLength(1);
  });

  it('leaves one home for a tag when every one of its calls is lost once (F2)', async () => {
    for (const what of ['registered-models', 'experiments', 'runs']) {
      proxy.inject(new RegExp(`^POST .*/${what}/create$`), { kind: 'lose-answer' });
    }
    const { experimentId } = await registry().ensureModel('lost-home');
    expect(await registry().ensureModel('lost-home')).toEqual({ experimentId });
    await registry().journal(ledgerEntries('lost-home', 1));
    expect(await registry().readJournal('lost-home', 9, 9)).toHaveLength(1);
  });

  it('leaves one journal entry (F2)', async () => {
    const entries = ledgerEntries('lost-entry', 2);
    await registry().ensureModel('lost-entry');
    proxy.inject(/log-parameter$/, { kind: 'lose-answer' }, 2);
    await registry().journal(entries);
    expect(await registry().readJournal('lost-entry', 9, 9)).toEqual(entries.toReversed());
  });

  it('leaves the aliases as projected (F2, I4)', async () => {
    await registry().registerVersion(await registrationIn('lost-alias'));
    proxy.inject(/\/registered-models\/alias$/, { kind: 'lose-answer' }, 2);
    await registry().project(projectionOf('lost-alias', 1));
    expect(await aliasesOf('lost-alias')).toEqual({ champion: 1 });
  });
});

describe('a worker that died between a create and its claim', () => {
  it('leaves a run that the next one adopts (F1, F2)', async () => {
    await registry().ensureModel('unclaimed');
    proxy.inject(/log-parameter$/, { kind: 'reset' }, 3);
    await refusedWith('RegistryUnavailable', registry().openRun(openingOf('unclaimed')));
    const { runId } = await registry().openRun(openingOf('unclaimed'));
    expect((await runsOf('unclaimed')).map(({ info }) => info.run_id)).toEqual([runId]);
  });

  it('leaves a version that the next one adopts (F1, F2)', async () => {
    const registration = await registrationIn('unclaimed-version');
    proxy.inject(/log-parameter$/, { kind: 'reset' }, 3);
    await refusedWith('RegistryUnavailable', registry().registerVersion(registration));
    expect(await registry().registerVersion(registration)).toEqual({ version: 1 });
    expect(await versionsOf('unclaimed-version')).toHaveLength(1);
  });

  it('leaves a home half made that the next ones complete (F1, F2)', async () => {
    proxy.inject(/^POST .*\/experiments\/create$/, { kind: 'reset' }, 9);
    await refusedWith('RegistryUnavailable', registry().ensureModel('half-made'));
    proxy.calm();
    const asked = [registry(), registry()].map((each) => each.ensureModel('half-made'));
    const [one, two] = await Promise.all(asked);
    expect(one).toEqual(two);
  });
});

describe('a create that was executed twice', () => {
  it('leaves one run that counts; the other is killed and names it (I8, I10)', async () => {
    await registry().ensureModel('twice');
    proxy.inject(CREATE_RUN, { kind: 'duplicate' });
    const { runId } = await registry().openRun(openingOf('twice'));
    await registry().closeRun(runId, { status: 'FINISHED', at: '2026-01-01T01:00:00Z' });
    const [stray, ...others] = (await runsOf('twice')).filter(({ info }) => info.run_id !== runId);
    expect(others).toEqual([]);
    expect(stray?.info.status).toBe('KILLED');
    expect(stray?.data.tags).toContainEqual({ key: 'modelyard.duplicate_of', value: runId });
  });

  it('leaves one version that counts; the other names it and does not resolve (I8)', async () => {
    const registration = await registrationIn('twice-version');
    proxy.inject(CREATE_VERSION, { kind: 'duplicate' });
    const { version } = await registry().registerVersion(registration);
    expect(await registry().registerVersion(registration)).toEqual({ version });
    const end = { status: 'FINISHED', at: '2026-01-01T01:00:00Z' } as const;
    await registry().closeRun(registration.runId, end);
    const stray = (await versionsOf('twice-version')).find(
      (found) => found.version !== String(version),
    );
    expect(stray?.tags).toContainEqual({ key: 'modelyard.duplicate_of', value: String(version) });
    await refusedWith('UnknownModel', registry().resolve('twice-version', Number(stray?.version)));
  });
});

describe('an outage', () => {
  it('is retried quickly where a repeat is harmless (F10)', async () => {
    proxy.inject(/get-by-name/, { kind: 'answer', status: 503, body: '{}' });
    proxy.inject(/get-by-name/, { kind: 'reset' });
    await expect(registry().ensureModel('blip')).resolves.toBeDefined();
  });

  it('creates nothing a second time on its own (I8)', async () => {
    await registry().ensureModel('no-repeat');
    const before = proxy.seen.length;
    proxy.inject(CREATE_RUN, { kind: 'answer', status: 503, body: '{}' });
    await refusedWith('RegistryUnavailable', registry().openRun(openingOf('no-repeat')));
    expect(proxy.seen.slice(before).filter((line) => CREATE_RUN.test(line))).toHaveLength(1);
  });

  it('hands a long Retry-After on to the one who retries (F10)', async () => {
    const headers = { 'Retry-After': '30' };
    proxy.inject(/get-by-name/, { kind: 'answer', status: 429, headers, body: '{}' });
    const error = await registry()
      .readJournal('x', 1, 1)
      .catch((reason: unknown) => reason);
    expect(applicationFailure(error)).toMatchObject({
      type: 'RegistryUnavailable',
      nonRetryable: false,
    });
    expect(applicationFailure(error)?.nextRetryDelay).toBe(30_000);
  });

  it('is RegistryUnavailable when nothing listens, resets or hangs (F10, F30)', async () => {
    const options = { roots: [], timeoutMs: 300 };
    const nobody = createMlflowRegistry({ ...options, trackingUri: 'http://127.0.0.1:9' });
    await refusedWith('RegistryUnavailable', nobody.ensureModel('x'));
    proxy.inject(/get-by-name/, { kind: 'reset' }, 3);
    await refusedWith('RegistryUnavailable', registry().readJournal('x', 1, 1));
    proxy.inject(/get-by-name/, { kind: 'hang' });
    await refusedWith('RegistryUnavailable', registry({ timeoutMs: 300 }).readJournal('x', 1, 1));
  });

  it('lets a cancelled activity go at once', async () => {
    proxy.inject(/get-by-name/, { kind: 'hang' });
    const cancelled = Object.assign(new Error('cancelled'), { name: 'CancelledFailure' });
    const signal = AbortSignal.abort(cancelled);
    const options = { trackingUri: proxy.url, roots: [], signal: () => signal };
    await expect(createMlflowRegistry(options).readJournal('x', 1, 1)).rejects.toBe(cancelled);
  });
});

describe('an answer that is not what MLflow says', () => {
  const GET = /get-by-name/;
  const read = () => registry().readJournal('x', 1, 1);
  const cases = [
    ['JSON of another shape', '{"experiment":{"experiment_id":7}}', 200, 'RegistryRefused'],
    ['a page in HTML', '<html>sign in</html>', 200, 'RegistryUnavailable'],
    ['half of the JSON', '{"experiment":{"exp', 200, 'RegistryUnavailable'],
    ['nothing', '', 200, 'RegistryRefused'],
    [
      'the refusal of a host name',
      'Invalid Host header - possible DNS rebinding attack detected',
      403,
      'RegistryRefused',
    ],
    ['the refusal of credentials', 'You are not authenticated', 401, 'RegistryRefused'],
    ['a page that is not found', '<!doctype html>', 404, 'RegistryRefused'],
    [
      'an exhausted pool',
      '{"error_code":"BAD_REQUEST","message":"QueuePool limit of size 5 overflow 10 reached"}',
      400,
      'RegistryUnavailable',
    ],
    [
      'a lost race in the database',
      '{"error_code":"BAD_REQUEST","message":"(sqlite3.IntegrityError) UNIQUE"}',
      400,
      'RegistryUnavailable',
    ],
    [
      'a feature that is off',
      '{"error_code":"FEATURE_DISABLED","message":"workspaces"}',
      500,
      'RegistryRefused',
    ],
    ['a crash', '<!doctype html><title>500</title>', 500, 'RegistryUnavailable'],
  ] as const;

  it.each(cases)('fails by name: %s (F12)', async (_what, body, status, type) => {
    // As often as the adapter may ask again.
    proxy.inject(GET, { kind: 'garble', body, status }, 3);
    await refusedWith(type, read());
  });

  it('fails by name when it is 16 MiB of something else, and when it is more than is ever read (F12)', async () => {
    proxy.inject(GET, { kind: 'garbage', sort: 'huge' });
    await refusedWith('RegistryRefused', read());
    proxy.calm();
    const body = `{"experiment":{"name":"${'x'.repeat(65 * 1024 * 1024)}"}}`;
    proxy.inject(GET, { kind: 'garble', body }, 3);
    const error = await read().catch((reason: unknown) => reason);
    expect(applicationFailure(error)?.type).toBe('RegistryUnavailable');
    expect(String(applicationFailure(error)?.message)).toContain('expected at most 67108864 bytes');
  });

  it('may carry fields nobody knows (F12)', async () => {
    const { experimentId } = await registry().ensureModel('new-fields');
    const { experiment } = (await callMlflow(
      server.url,
      'GET',
      'experiments/get-by-name?experiment_name=modelyard/new-fields',
    )) as { experiment: object };
    const body = JSON.stringify({
      experiment: { ...experiment, novelty: { deep: [1] } },
      next: null,
    });
    proxy.inject(GET, { kind: 'garble', body });
    expect(await registry().ensureModel('new-fields')).toEqual({ experimentId });
  });

  it('is told apart from a record somebody else changed (F20)', async () => {
    await registry().journal(ledgerEntries('forged', 1));
    const run = await bookOf('forged', 'modelyard.journal');
    const forged = { run_id: run, key: 'ledger.2', value: '{"seq":2}' };
    await callMlflow(server.url, 'POST', 'runs/log-parameter', forged);
    await refusedWith('RegistryConflict', registry().readJournal('forged', 9, 9));
  });
});

describe('the history of a metric', () => {
  const HISTORY = /metrics\/get-history/;
  const at = '2026-01-01T00:01:00.000Z';
  const pointAt = (timestamp: number) => ({ key: 'drift', value: 0.5, timestamp, step: 99 });

  async function logged(tag: string): Promise<string> {
    await registry().ensureModel(tag);
    const run = await registry().openRun(openingOf(tag));
    await logMetric(server.url, run, { name: 'drift', value: 0.25, at, step: 0 });
    return run.runId;
  }

  it('is read to its last page (F12)', async () => {
    const runId = await logged('two-pages');
    const [older, newer] = [Date.parse(at) - 1, Date.parse(at) + 1];
    await callMlflow(server.url, 'POST', 'runs/log-metric', { run_id: runId, ...pointAt(newer) });
    const next_page_token = Buffer.from('{"offset":1}').toString('base64');
    const body = JSON.stringify({ metrics: [pointAt(older)], next_page_token });
    proxy.inject(HISTORY, { kind: 'garble', body });
    expect(await registry().newestMetric({ runId, name: 'drift' })).toEqual({
      value: 0.5,
      at: new Date(newer).toISOString(),
    });
  });

  it.each([
    ['a time that is none', [pointAt(1e17)]],
    ['a value that is no number', [{ ...pointAt(0), value: 'high' }]],
  ])('is refused with %s (F12)', async (what, metrics) => {
    const runId = await logged(`odd-${what.replaceAll(' ', '-')}`);
    proxy.inject(HISTORY, { kind: 'garble', body: JSON.stringify({ metrics }) });
    await refusedWith('RegistryRefused', registry().newestMetric({ runId, name: 'drift' }));
  });
});

describe('what people do in MLflow by hand', () => {
  it('an alias moved by hand is put back by the next projection (F11, I4)', async () => {
    const tag = 'moved';
    const registration = await registrationIn(tag);
    await registry().registerVersion(registration);
    const { model } = registration.result;
    await callMlflow(server.url, 'POST', 'model-versions/create', {
      name: tag,
      source: model.uri,
      run_id: registration.runId,
      model_id: model.loggedModelId,
    });
    await registry().project(projectionOf(tag, 1));
    await callMlflow(server.url, 'POST', 'registered-models/alias', {
      name: tag,
      alias: 'champion',
      version: '2',
    });
    await callMlflow(server.url, 'POST', 'registered-models/alias', {
      name: tag,
      alias: 'challenger',
      version: '2',
    });
    await registry().project(projectionOf(tag, 1));
    expect(await aliasesOf(tag)).toEqual({ champion: 1 });
    await refusedWith('UnknownModel', registry().resolve(tag, 2));
  });

  it('an alias moved while a projection is written is a mismatch, not a success (F11)', async () => {
    await registry().registerVersion(await registrationIn('racing'));
    proxy.inject(/^POST .*\/registered-models\/alias$/, {
      kind: 'answer',
      status: 200,
      body: '{}',
    });
    await refusedWith('ProjectionMismatch', registry().project(projectionOf('racing', 1)));
  });

  it('a deleted experiment is named, not replaced', async () => {
    const { experimentId } = await registry().ensureModel('deleted');
    await callMlflow(server.url, 'POST', 'experiments/delete', { experiment_id: experimentId });
    await refusedWith('RegistryRefused', registry().openRun(openingOf('deleted')));
  });

  it("somebody's experiment of the same name is not taken over", async () => {
    await callMlflow(server.url, 'POST', 'experiments/create', { name: 'modelyard/taken' });
    await refusedWith('RegistryConflict', registry().ensureModel('taken'));
  });

  it('a version whose source lies outside the roots is not followed', async () => {
    const { version } = await registry().registerVersion(await registrationIn('elsewhere'));
    const narrow = createMlflowRegistry({
      trackingUri: server.url,
      roots: ['mlflow-artifacts:/models'],
    });
    await refusedWith('Misconfigured', narrow.resolve('elsewhere', version));
  });
});

describe('credentials', () => {
  it('are asked for at every call, so that a rotated secret is used at once (F19)', async () => {
    const sent: (string | null)[] = [];
    let token = 'old';
    const rotating = createMlflowRegistry({
      trackingUri: server.url,
      roots: [],
      auth: () => ({ kind: 'bearer', token }),
      fetch: (input, init) => {
        if (input instanceof Request) sent.push(input.headers.get('authorization'));
        return fetch(input, init);
      },
    });
    await rotating.readJournal('nothing', 1, 1);
    token = 'new';
    await rotating.readJournal('nothing', 1, 1);
    expect(sent).toEqual(['Bearer old', 'Bearer new']);
  });

  it('in the address are refused: an address is logged', () => {
    const options = { trackingUri: 'http://user:secret@127.0.0.1:1', roots: [] };
    expect(() => createMlflowRegistry(options)).toThrow(
      expect.toSatisfy(
        (error: Error) => isFailure(error, 'Misconfigured') && !error.message.includes('secret'),
      ),
    );
  });
});

describe('a retrain', () => {
  it('opens its run with few calls, once the tag is known (C4)', async () => {
    const opened = registry();
    await opened.ensureModel('few-calls');
    const before = proxy.seen.length;
    await opened.openRun(openingOf('few-calls'));
    const calls = proxy.seen
      .slice(before)
      .map((line) => line.replace(/^(\w+) .*?(\w[\w-]*)$/, '$1 $2'));
    expect(calls).toEqual([
      'POST search',
      'POST create',
      'POST log-parameter',
      expect.stringContaining('PUT'),
      'POST log-batch',
    ]);
  });
});

async function aliasesOf(tag: string): Promise<Record<string, number>> {
  const found = (await callMlflow(server.url, 'GET', `registered-models/get?name=${tag}`)) as {
    registered_model: { aliases?: { alias: string; version: string }[] };
  };
  const aliases = found.registered_model.aliases ?? [];
  return Object.fromEntries(aliases.map(({ alias, version }) => [alias, Number(version)]));
}

async function bookOf(tag: string, book: string): Promise<string> {
  const path = `experiments/get-by-name?experiment_name=modelyard/${tag}`;
  const found = (await callMlflow(server.url, 'GET', path)) as {
    experiment: { tags: { key: string; value: string }[] };
  };
  return found.experiment.tags.find(({ key }) => key === book)?.value ?? '';
}

function projectionOf(tag: string, champion: number) {
  return {
    tag,
    owner: 'team',
    tier: 'standard',
    description: null,
    definition: null,
    definitionDigest: null,
    aliases: { champion, previous: null, challenger: null },
    statuses: { [String(champion)]: 'champion' },
  };
}
