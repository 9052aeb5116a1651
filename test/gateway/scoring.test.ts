import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostSpec } from '../../temporal/contracts/route.js';
import { makeBed, type Bed } from './support/bed.js';
import { targetOf } from './support/client.js';

describe('scoring for a tag', () => {
  let bed: Bed;
  let one: HostSpec;
  let two: HostSpec;

  beforeAll(async () => {
    bed = await makeBed({ limits: { bodyBytes: 4_096, replyBytes: 100_000, scoreTimeoutMs: 700 } });
    [one, two] = [await bed.model(1), await bed.model(2)];
    for (const spec of [one, two]) await bed.client.startHost(spec);
    await bed.client.route('flights', 1, { live: targetOf(one) });
  });
  afterAll(() => bed.dispose());

  it('answers predictions with the model id and the request id (R10, G3)', async () => {
    const answer = await bed.client.score(
      'flights',
      { inputs: [[1], [2]] },
      { 'x-request-id': 'mine-1' },
    );
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ predictions: [1, 1], modelId: 'flights/1', requestId: 'mine-1' });
    expect(answer.headers['x-modelyard-model-id']).toBe('flights/1');
    expect(answer.headers['x-modelyard-request-id']).toBe('mine-1');
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('makes a request id of its own where the given one is none', async () => {
    const { body } = await bed.client.score(
      'flights',
      { inputs: [] },
      { 'x-request-id': 'not an id!' },
    );
    expect(body['requestId']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes CSV as well as JSON', async () => {
    const { body } = await bed.client.send('POST', '/v1/tags/flights/score', {
      body: 'a,b\n1,2\n3,4\n5,6\n',
      headers: { 'content-type': 'text/csv' },
    });
    expect(body['predictions']).toEqual([1, 1, 1]);
  });

  it('gives a model server no credentials and no cookies of the caller', async () => {
    const sent = {
      authorization: 'Bearer mine',
      cookie: 'session=1',
      'x-api-key': 'k',
      'x-request-id': 'r-1',
    };
    const { body } = await bed.client.score('flights', { inputs: 'headers' }, sent);
    const [seen] = body['predictions'] as Record<string, string>[];
    expect(Object.keys(seen ?? {}).sort()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
      'x-request-id',
    ]);
    expect(seen?.['x-request-id']).toBe('r-1');
  });

  it.each([
    ['a payload the model server refuses', { fault: 400 }, 400, 'BadPayload'],
    ["a model's own exception", { fault: 500 }, 502, 'ModelError'],
    ['a reply that breaks off', { fault: 'cut' }, 502, 'ReplyBrokenOff'],
    ['a reply without predictions', { fault: 'garbage' }, 502, 'BadReply'],
    ['a model server that hangs', { fault: 'hang' }, 504, 'Timeout'],
    ['a connection dropped twice', { fault: 'drop' }, 503, 'HostUnreachable'],
  ])('answers %s with status and code', async (_what, body, status, code) => {
    const answer = await bed.client.score('flights', body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(answer.body['message']).toEqual(expect.any(String));
    expect(answer.headers['x-modelyard-model-id']).toBe('flights/1');
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  });

  it('refuses at the edge what no model server needs to see (F23)', async () => {
    const { client } = bed;
    const json = { 'content-type': 'application/json' };
    const path = '/v1/tags/flights/score';
    const large = await client.score('flights', { inputs: 'x'.repeat(5_000) });
    const media = await client.send('POST', path, {
      body: '<xml/>',
      headers: { 'content-type': 'text/xml' },
    });
    const packed = await client.send('POST', path, {
      body: 'x',
      headers: { ...json, 'content-encoding': 'gzip' },
    });
    const empty = await client.send('POST', path, { headers: json });
    expect([large, media, packed, empty].map(({ status, body }) => [status, body['code']])).toEqual(
      [
        [413, 'PayloadTooLarge'],
        [415, 'UnsupportedMediaType'],
        [415, 'UnsupportedEncoding'],
        [400, 'BadPayload'],
      ],
    );
  });

  it('tells an unknown tag from a tag with nothing live', async () => {
    await bed.client.route('empty', 1, { live: null });
    const answers = [
      await bed.client.score('never'),
      await bed.client.score('No%20Tag'),
      await bed.client.score('empty'),
    ];
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
      [404, 'UnknownTag'],
      [404, 'UnknownTag'],
      [409, 'NothingLive'],
    ]);
  });

  it('sends a canary its share, the same request id always to the same model', async () => {
    await bed.client.route('split', 1, {
      live: targetOf(one),
      canary: { ...targetOf(two), weightPercent: 25 },
    });
    const ids = Array.from({ length: 400 }, (_, index) => `request-${String(index)}`);
    const ask = (id: string) =>
      bed.client.score('split', { inputs: [[1]] }, { 'x-request-id': id });
    const first = (await Promise.all(ids.map(ask))).map(({ body }) => body['modelId']);
    const again = (await Promise.all(ids.map(ask))).map(({ body }) => body['modelId']);
    expect(again).toEqual(first);
    // The ids are fixed, so the share is too; it is near the weight because the hash spreads.
    const share = first.filter((id) => id === 'flights/2').length / ids.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.06);
  });

  it('keeps serving callers when a canary dies', async () => {
    const canary = await bed.model(3);
    const { pid } = await bed.client.startHost(canary);
    await bed.client.route('mine', 1, {
      live: targetOf(one),
      canary: { ...targetOf(canary), weightPercent: 100 },
    });
    expect((await bed.client.score('mine')).body['modelId']).toBe('flights/3');
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.all(Array.from({ length: 20 }, () => bed.client.score('mine')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('shows requests, latency, fences and hosts to Prometheus, and no series for made-up tags (G6)', async () => {
    const { text, headers } = await bed.client.send('GET', '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain(
      'modelyard_gateway_requests_total{tag="flights",model="flights/1",status="200"}',
    );
    expect(text).toContain(
      'modelyard_gateway_requests_total{tag="(unknown)",model="(none)",status="404"}',
    );
    expect(text).toContain(
      'modelyard_gateway_request_duration_seconds_bucket{le="0.01",tag="flights",model="flights/1"}',
    );
    expect(text).toContain('modelyard_gateway_route_fence{tag="flights"} 1');
    expect(text).toContain(`modelyard_gateway_host_up{host="${one.name}",model="flights/1"} 1`);
    expect(text).toMatch(/modelyard_gateway_in_flight_requests 0/);
    expect(text).not.toContain('tag="never"');
  });

  it('answers /healthz', async () => {
    expect((await bed.client.send('GET', '/healthz')).body).toEqual({ status: 'ok' });
  });
});
