import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrafficFigures } from '../../temporal/contracts/figures.js';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { quantileMs } from '../../temporal/latency-buckets.js';
import { makeBed, type Bed } from './support/bed.js';
import { targetOf } from './support/client.js';

const ids = Array.from({ length: 40 }, (_, index) => ({ 'x-request-id': `id-${String(index)}` }));

describe('the figures of a tag', () => {
  let bed: Bed;
  let one: HostSpec;
  let two: HostSpec;

  beforeEach(async () => {
    bed = await makeBed({ limits: { scoreTimeoutMs: 500 } });
    [one, two] = [await bed.model(1), await bed.model(2)];
    await Promise.all([one, two].map((spec) => bed.client.startHost(spec)));
    await bed.client.route('flights', 1, { live: targetOf(one) });
  });
  afterEach(() => bed.dispose());

  async function figures(tag = 'flights'): Promise<TrafficFigures> {
    return TrafficFigures.parse((await bed.client.admin('GET', `/figures/${tag}`)).body);
  }
  async function modelFigures(version: number) {
    const found = (await figures()).models[`flights/${String(version)}`];
    if (!found) throw new Error(`no figures of version ${String(version)}`);
    return { ...found, answers: Object.values(found.latency).reduce((sum, n) => sum + n, 0) };
  }
  const canary = (weightPercent: number) => ({
    live: targetOf(one),
    canary: { ...targetOf(two), weightPercent },
  });
  /** Ends a model's server for good: it is started again, and ends at once. */
  async function endForGood(spec: HostSpec): Promise<void> {
    const { pid } = await bed.client.host(spec.name);
    await writeFile(spec.modelUri, JSON.stringify({ value: 0, exit: 3 }));
    process.kill(pid, 'SIGKILL');
    await bed.client.hostUntil(spec.name, ({ phase }) => phase !== 'ready');
  }

  it("are a model's requests, its errors and the latency of each answer (G6)", async () => {
    for (const fault of [500, 'cut', 'garbage', 'drop', 'hang'])
      await bed.client.score('flights', { fault });
    for (const body of [{ inputs: [] }, { inputs: [1] }]) await bed.client.score('flights', body);
    const seen = await modelFigures(1);
    expect(seen).toMatchObject({ requests: 7, errors: 5, answers: 7 });
    // One of them hung until the gateway gave it up.
    expect(quantileMs(seen.latency, 1)).toBeGreaterThanOrEqual(450);
  });

  it('count a payload that is refused as a request and no error', async () => {
    await bed.client.score('flights', { fault: 400 });
    await bed.client.score('flights', { no: 'inputs' });
    expect(await modelFigures(1)).toMatchObject({ requests: 2, errors: 0, answers: 2 });
  });

  it('count a caller who does not wait for a model as a request and no error', async () => {
    const url = `${bed.client.url}/v1/tags/flights/score`;
    const body = JSON.stringify({ fault: 'hang' });
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(100);
    const asked = fetch(url, { method: 'POST', body, headers, signal });
    await expect(asked).rejects.toThrow('timeout');
    await expect.poll(async () => (await figures()).models).not.toEqual({});
    expect(await modelFigures(1)).toMatchObject({ requests: 1, errors: 0, answers: 1 });
  });

  it('count what failed before a model was picked for nobody', async () => {
    const path = '/v1/tags/flights/score';
    const refused = [
      await bed.client.send('POST', path, { body: 'x', headers: { 'content-type': 'text/xml' } }),
      await bed.client.send('POST', path, { headers: { 'content-type': 'application/json' } }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([415, 400]);
    expect((await figures()).models).toEqual({});
  });

  it("see through SageMaker's protocol, which answers 424 whoever is at fault (G7)", async () => {
    const statuses: number[] = [];
    for (const fault of [400, 500, 'hang', 'drop']) {
      const body = JSON.stringify({ fault });
      const headers = { 'content-type': 'application/json' };
      const answer = await bed.client.send('POST', '/endpoints/flights/invocations', {
        ...{ body, headers },
      });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([424, 424, 424, 503]);
    expect(await modelFigures(1)).toMatchObject({ requests: 4, errors: 3, answers: 4 });
  });

  it('tell the canary from the live model as the answers do', async () => {
    await bed.client.route('flights', 2, canary(50));
    const answers = await Promise.all(ids.map((id) => bed.client.score('flights', undefined, id)));
    const answeredBy = (version: number): number =>
      answers.filter(({ body }) => body['modelId'] === `flights/${String(version)}`).length;
    for (const version of [1, 2]) {
      expect(answeredBy(version)).toBeGreaterThan(0);
      const { requests, errors, answers: timed } = await modelFigures(version);
      expect({ requests, errors, timed }).toEqual({
        requests: answeredBy(version),
        errors: 0,
        timed: answeredBy(version),
      });
    }
  });

  it('hold a dead canary to account though the live model answers for it (U3)', async () => {
    await bed.client.route('flights', 2, canary(100));
    await endForGood(two);
    const answers = await Promise.all(ids.map((id) => bed.client.score('flights', undefined, id)));
    expect(new Set(answers.map(({ body }) => body['modelId']))).toEqual(new Set(['flights/1']));
    expect(await modelFigures(2)).toMatchObject({ requests: 40, errors: 40, answers: 0 });
    expect(await modelFigures(1)).toMatchObject({ requests: 40, errors: 0, answers: 40 });
  });

  it('hold a canary to account that drops its connections', async () => {
    await bed.client.route('flights', 2, canary(100));
    await bed.client.score('flights', { fault: 'drop' });
    expect(await modelFigures(2)).toMatchObject({ requests: 1, errors: 1, answers: 0 });
    // The live model was asked the same, and does the same.
    expect(await modelFigures(1)).toMatchObject({ requests: 1, errors: 1, answers: 1 });
  });

  it('count what a dead live host cannot answer as its errors', async () => {
    await endForGood(one);
    for (const id of ids.slice(0, 5))
      expect((await bed.client.score('flights', undefined, id)).status).toBe(503);
    expect(await modelFigures(1)).toMatchObject({ requests: 5, errors: 5, answers: 5 });
  });

  it('of a model that left the route are gone with the next change of it', async () => {
    await bed.client.route('flights', 2, canary(100));
    await bed.client.score('flights');
    await bed.client.route('flights', 3, { live: targetOf(one) });
    expect(Object.keys((await figures()).models)).toEqual(['flights/2']);
    await bed.client.score('flights');
    await bed.client.route('flights', 4, { live: null });
    expect(Object.keys((await figures()).models)).toEqual(['flights/1']);
  });

  it('are kept for each tag, and of one gateway all have one epoch', async () => {
    await bed.client.route('other', 1, { live: targetOf(two) });
    await bed.client.score('other');
    const [flights, other] = [await figures('flights'), await figures('other')];
    expect([Object.keys(flights.models), Object.keys(other.models)]).toEqual([[], ['flights/2']]);
    expect(other.epoch).toBe(flights.epoch);
  });

  it('are told to the control plane only, and of tags that were routed only', async () => {
    const { client } = bed;
    const answers = [
      await client.send('GET', '/admin/figures/flights'),
      await client.admin('GET', '/figures/never'),
      await client.admin('GET', '/figures/No%20Tag'),
    ];
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
      [401, 'Unauthorized'],
      [404, 'UnknownTag'],
      [400, 'InvalidRequest'],
    ]);
  });
});
