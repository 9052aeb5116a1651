import { writeFile } from 'node:fs/promises';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSampled } from '../../gateway/mirror/sampling.js';
import { MirrorFigures, PredictionRecord } from '../../temporal/contracts/predictions.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { makeBed, type Bed } from './support/bed.js';
import { targetOf, type ModelBehaviour } from './support/client.js';
import { ADMIN_TOKEN } from './support/gateway-process.js';

const REQUESTS = 60;
const FAR_AWAY = '2999-01-01T00:00:00.000Z';
const idOf = (index: number) => ({ 'x-request-id': `id-${String(index)}` });

interface Seen {
  invocations: number;
  headers: Record<string, string>;
}

describe('a mirror', () => {
  let bed: Bed;
  let live: HostSpec;

  beforeEach(async () => {
    bed = await makeBed({ mirror: { timeoutMs: 5_000 } });
    live = await bed.model(1);
    await bed.client.startHost(live);
  });
  afterEach(() => bed.dispose());

  async function candidate(behaviour: Partial<ModelBehaviour> = {}): Promise<HostSpec> {
    const spec = await bed.model(2, behaviour);
    await bed.client.startHost(spec);
    return spec;
  }
  const mirrorTo = (
    spec: HostSpec,
    { samplingPercent = 100, until = FAR_AWAY }: { samplingPercent?: number; until?: string } = {},
  ) => ({ live: targetOf(live), mirror: { ...targetOf(spec), samplingPercent, until } });
  async function mirrored(behaviour: Partial<ModelBehaviour> = {}): Promise<HostSpec> {
    const spec = await candidate(behaviour);
    await bed.client.route('flights', 1, mirrorTo(spec));
    return spec;
  }
  async function figures(): Promise<MirrorFigures> {
    return MirrorFigures.parse((await bed.client.admin('GET', '/mirrors/flights')).body);
  }
  async function counts() {
    const none = { eligible: 0, unsampled: 0, mirrored: 0, dropped: 0, failed: 0 };
    return (await figures()).candidates['flights/2'] ?? none;
  }
  /** The counts once what became of every copy is known. */
  async function settled() {
    await expect
      .poll(
        async () => {
          const { eligible, unsampled, mirrored, dropped, failed } = await counts();
          return eligible - unsampled - mirrored - dropped - failed;
        },
        { timeout: 15_000 },
      )
      .toBe(0);
    return counts();
  }
  async function seenBy(spec: HostSpec): Promise<Seen> {
    const { port } = await bed.client.host(spec.name);
    const answer = await request(`http://127.0.0.1:${String(port)}/seen`);
    return (await answer.body.json()) as Seen;
  }
  async function ask(count = REQUESTS): Promise<{ status: number; modelId: unknown }[]> {
    const answers = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        bed.client.score('flights', undefined, idOf(index)),
      ),
    );
    return answers.map(({ status, body }) => ({ status, modelId: body['modelId'] }));
  }
  const allByLive = (count = REQUESTS) =>
    Array.from({ length: count }, () => ({ status: 200, modelId: 'flights/1' }));
  async function logged(): Promise<PredictionRecord[]> {
    const { text } = await bed.client.admin(
      'GET',
      `/predictions/flights?from=2000-01-01T00:00:00Z&until=${FAR_AWAY}`,
    );
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => PredictionRecord.parse(JSON.parse(line)));
  }

  it('copies what the live model answered, and says what the candidate answers', async () => {
    const spec = await mirrored();
    expect(await ask()).toEqual(allByLive());
    expect(await settled()).toEqual({
      ...{ eligible: REQUESTS, unsampled: 0, mirrored: REQUESTS, dropped: 0, failed: 0 },
    });
    expect((await seenBy(spec)).invocations).toBe(REQUESTS);
    const [record] = await logged();
    expect(record).toMatchObject({
      modelId: 'flights/1',
      output: { predictions: [1] },
      shadow: {
        ...{ modelId: 'flights/2', state: 'answered', status: 200, cause: null },
        output: { predictions: [2] },
      },
    });
  });

  it('sends nothing before the live model has answered (I9)', async () => {
    const slow = await bed.model(1, { delayMs: 300 });
    await bed.client.startHost(slow);
    const spec = await candidate();
    await bed.client.route('flights', 1, { ...mirrorTo(spec), live: targetOf(slow) });
    const asked = bed.client.score('flights');
    await expect.poll(async () => (await seenBy(slow)).invocations).toBe(1);
    expect((await seenBy(spec)).invocations).toBe(0);
    expect((await asked).status).toBe(200);
    await expect.poll(async () => (await seenBy(spec)).invocations).toBe(1);
  });

  it.each([
    ['answers 200 ms late', { delayMs: 200 }, { mirrored: REQUESTS }],
    ['answers 500', { sick: 500 }, { mirrored: 0 }],
    ['refuses every payload', { sick: 400 }, { mirrored: 0, dropped: 0, failed: REQUESTS }],
    ['resets its connections', { sick: 'reset' }, { mirrored: 0 }],
    ['breaks its replies off', { sick: 'cut' }, { mirrored: 0 }],
    ['sends huge replies', { sick: 'huge' }, { mirrored: 0 }],
  ] as const)(
    'costs callers nothing when the candidate %s (I9, F27)',
    async (_, sick, expected) => {
      await mirrored(sick);
      expect(await ask()).toEqual(allByLive());
      expect(await settled()).toMatchObject({ eligible: REQUESTS, ...expected });
    },
  );

  it('answers callers although not one copy of theirs is settled, when the candidate is a black hole (I9, F27)', async () => {
    await mirrored({ sick: 'hang' });
    expect(await ask()).toEqual(allByLive());
    const { eligible, mirrored: answered, failed, dropped } = await counts();
    expect({ eligible, answered, failed, dropped }).toEqual({
      ...{ eligible: REQUESTS, answered: 0, failed: 0, dropped: 0 },
    });
    const { failed: atLast, dropped: notSent } = await settled();
    expect(atLast + notSent).toBe(REQUESTS);
  });

  it('drops copies for a candidate that has died, and goes on when it is back (I9, F27)', async () => {
    const spec = await mirrored();
    const { pid } = await bed.client.host(spec.name);
    const good = JSON.stringify({ value: 2 });
    await writeFile(spec.modelUri, JSON.stringify({ value: 2, exit: 3 }));
    process.kill(pid, 'SIGKILL');
    expect(await ask()).toEqual(allByLive());
    expect(await settled()).toMatchObject({ eligible: REQUESTS, mirrored: 0 });
    await writeFile(spec.modelUri, good);
    const goesOn = async (): Promise<number> => {
      await ask(1);
      return (await settled()).mirrored;
    };
    await expect.poll(goesOn, { interval: 200, timeout: 20_000 }).toBeGreaterThan(0);
  });

  it('drops copies for a candidate that is not ready (F27)', async () => {
    const spec = await bed.model(2, { readyAfterMs: 60_000 });
    await bed.client.startHost(spec, { phase: 'starting' });
    await bed.client.route('flights', 1, mirrorTo(spec));
    expect(await ask()).toEqual(allByLive());
    expect(await settled()).toMatchObject({ eligible: REQUESTS, dropped: REQUESTS });
    const causes = new Set((await logged()).map(({ shadow }) => shadow?.cause));
    expect(causes).toEqual(new Set(['host-not-ready']));
    // It listens a moment after its process was started.
    await expect.poll(() => seenBy(spec)).toMatchObject({ invocations: 0 });
  });

  it('gives the candidate no credentials of the caller, and marks its requests (I9)', async () => {
    const spec = await mirrored();
    const secret = { authorization: 'Bearer mine', cookie: 'session=1', 'x-api-key': 'k' };
    await bed.client.score('flights', undefined, { ...secret, ...idOf(1) });
    await settled();
    const { headers } = await seenBy(spec);
    expect(headers).toMatchObject({ 'x-modelyard-shadow': '1', 'x-request-id': 'id-1' });
    for (const name of Object.keys(secret)) expect(headers).not.toHaveProperty(name);
  });

  it('ends at its instant although nobody writes the route (F26)', async () => {
    const spec = await candidate();
    const until = new Date(Date.now() + 1_500).toISOString();
    await bed.client.route('flights', 1, mirrorTo(spec, { until }));
    await ask(1);
    await settled();
    await expect.poll(() => new Date().toISOString() > until, { timeout: 5_000 }).toBe(true);
    expect(await ask()).toEqual(allByLive());
    expect(await counts()).toMatchObject({ eligible: 1, mirrored: 1 });
    expect((await seenBy(spec)).invocations).toBe(1);
    const route = (await bed.client.admin('GET', '/routes/flights')).body['route'];
    expect(route).toHaveProperty('mirror');
    expect((await logged()).filter(({ shadow }) => shadow !== undefined)).toHaveLength(1);
  });

  it('ends with the write of a route that has none', async () => {
    const spec = await mirrored();
    await ask();
    await settled();
    await bed.client.route('flights', 2, { live: targetOf(live) });
    await ask();
    expect((await seenBy(spec)).invocations).toBe(REQUESTS);
    expect((await counts()).eligible).toBe(REQUESTS);
    expect((await bed.client.admin('DELETE', `/hosts/${spec.name}`)).status).toBe(204);
  });

  it('copies a share of the requests, the same request always or never', async () => {
    const spec = await candidate();
    await bed.client.route('flights', 1, mirrorTo(spec, { samplingPercent: 30 }));
    await ask();
    const expected = Array.from({ length: REQUESTS }, (_, index) => `id-${String(index)}`).filter(
      (id) => isSampled(id, 30),
    );
    const { eligible, unsampled, mirrored: copied } = await settled();
    expect({ eligible, copied, unsampled }).toEqual({
      ...{ eligible: REQUESTS, copied: expected.length, unsampled: REQUESTS - expected.length },
    });
    const ids = (await logged()).flatMap(({ requestId, shadow }) =>
      shadow?.state === 'answered' ? [requestId] : [],
    );
    expect(ids.sort()).toEqual(expected.sort());
  });

  it('leaves out what a canary answered, and what the live model did not answer with 200', async () => {
    const spec = await candidate();
    const canary = await bed.model(3);
    await bed.client.startHost(canary);
    await bed.client.route('flights', 1, {
      ...mirrorTo(spec),
      canary: { ...targetOf(canary), weightPercent: 50 },
    });
    const answers = await ask();
    const byLive = answers.filter(({ modelId }) => modelId === 'flights/1').length;
    expect(byLive).toBeGreaterThan(0);
    expect(byLive).toBeLessThan(REQUESTS);
    for (const fault of [400, 500, 'garbage', 'drop'])
      expect((await bed.client.score('flights', { fault })).status).not.toBe(200);
    expect(await settled()).toMatchObject({ eligible: byLive, mirrored: byLive });
  });

  it("copies what comes by SageMaker's protocol too (G7)", async () => {
    await mirrored();
    const answer = await bed.client.send('POST', '/endpoints/flights/invocations', {
      body: 'a,b\n1,2\n',
      headers: { 'content-type': 'text/csv' },
    });
    expect(answer.status).toBe(200);
    expect(await settled()).toMatchObject({ eligible: 1, mirrored: 1 });
    expect((await logged())[0]).toMatchObject({ input: 'a,b\n1,2\n', shadow: { status: 200 } });
  });

  it('is counted for Prometheus, and told to the control plane only (G6)', async () => {
    await mirrored();
    await ask(3);
    await settled();
    const { text } = await bed.client.send('GET', '/metrics');
    expect(text).toContain(
      'modelyard_gateway_mirrored_total{tag="flights",model="flights/2",state="mirrored"} 3',
    );
    const answers = [
      await bed.client.send('GET', '/admin/mirrors/flights'),
      await bed.client.admin('GET', '/mirrors/never'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 404]);
  });

  it('lets a candidate be tried before it is named by any route', async () => {
    const spec = await candidate();
    const path = (name: string) => `/admin/hosts/${name}/invocations`;
    const headers = {
      authorization: 'Bearer a token for tests',
      'content-type': 'application/json',
    };
    const post = (name: string, body: unknown) =>
      bed.client.send('POST', path(name), { headers, body: JSON.stringify(body) });
    const good = await post(spec.name, { inputs: [[1], [2]] });
    expect([good.status, good.body]).toEqual([200, { predictions: [2, 2] }]);
    expect(good.headers['x-modelyard-host']).toBe(spec.name);
    const large = await post(spec.name, { inputs: ['x'.repeat(200_000)] });
    expect(large.status).toBe(200);
    const refused = await post(spec.name, { no: 'inputs' });
    expect([refused.status, refused.body['code']]).toEqual([400, 'BadPayload']);
    const unknown = await post('m-0-0', {});
    expect([unknown.status, unknown.body['code']]).toEqual([404, 'HostUnknown']);
    expect(unknown.headers['x-modelyard-host']).toBeUndefined();
    const stranger = await bed.client.send('POST', path(spec.name), { body: '{}' });
    expect(stranger.status).toBe(401);
  });

  it('gives a candidate that is tried as long as a copy has, and not as long as a caller waits (U3)', async () => {
    await bed.dispose();
    bed = await makeBed({ mirror: { timeoutMs: 300 } });
    const spec = await candidate({ sick: 'hang' });
    const tried = await bed.client.send('POST', `/admin/hosts/${spec.name}/invocations`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: '{"inputs": [[1]]}',
    });
    expect([tried.status, tried.body['code']]).toEqual([504, 'HostError']);
    expect(tried.body['message']).toContain('300 ms');
  });
});
