import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { startHttpFaultProxy, type HttpFault, type HttpFaultProxy } from '../../testing/index.js';
import { eventually } from '../support/eventually.js';
import { leftOpen, openHandles } from '../support/open-handles.js';

interface Executed {
  line: string;
  headers: string[];
  body: string;
}

let server: Server;
let target: string;
let executed: Executed[];
let proxy: HttpFaultProxy;
const lines = () => executed.map(({ line }) => line);

/** Answers with how many requests it had, so that no two answers are the same. */
beforeEach(async () => {
  executed = [];
  server = createServer((incoming, response) => {
    void bodyOf(incoming).then((body) => {
      const line = `${String(incoming.method)} ${String(incoming.url)}`;
      executed.push({ line, headers: incoming.rawHeaders, body });
      response.setHeader('X-Server', ['one', 'two']);
      response.end(`{"count":${String(executed.length)}}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  proxy = await startHttpFaultProxy(target, { seed: 7 });
  onTestFailed(() => {
    console.error(proxy.seed, proxy.injected);
  });
});
afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('latin1');
}

interface Answered {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

interface Details {
  body?: string;
  headers?: string[];
  signal?: AbortSignal;
  base?: string;
}

/** One request over a connection of its own; rejects like node:http does. */
async function call(
  method: string,
  path: string,
  { body, headers, signal, base = proxy.url }: Details = {},
): Promise<Answered> {
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${base}${path}`, {
      method,
      agent: false,
      ...(headers && { headers }),
      ...(signal && { signal }),
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
  return {
    status: incoming.statusCode,
    headers: incoming.headers,
    body: await bodyOf(incoming),
  };
}

/** A request that nobody answers; it is given up with the signal. */
async function unanswered(path: string): Promise<() => Promise<void>> {
  const giveUp = new AbortController();
  const before = proxy.seen.length;
  const answer = call('GET', path, { signal: giveUp.signal });
  const settled = answer.then(
    () => 'answered',
    (error: unknown) => (error as Error).name,
  );
  await eventually(() => proxy.seen.length > before);
  return async () => {
    giveUp.abort();
    expect(await settled).toBe('AbortError');
  };
}

const RESET = { code: 'ECONNRESET' };

describe('what passes unharmed', () => {
  it('keeps every header but those of one hop, in case and order', async () => {
    const kept = ['Host', 'models.internal', 'AUTHORIZATION', 'Bearer x', 'X-Twice', 'a'];
    const more = ['X-Twice', 'b', 'Cookie', 'k=v', 'Accept-Encoding', 'gzip'];
    const hop = ['Connection', 'X-Hop, close', 'X-Hop', '1', 'TE', 'trailers', 'Keep-Alive', '5'];
    await call('GET', '/kept?a=1&b=%2F', { headers: [...kept, ...hop, ...more] });
    expect(executed).toEqual([
      {
        line: 'GET /kept?a=1&b=%2F',
        headers: [...kept, ...more, 'Connection', 'close'],
        body: '',
      },
    ]);
  });

  it('keeps every byte of a body, whether its length was said or not', async () => {
    const body = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
    const bytes = Buffer.from(body, 'latin1');
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const sent = request(`${proxy.url}/bytes`, { method, agent: false });
      sent.setHeader('Transfer-Encoding', 'chunked');
      sent.write(bytes.subarray(0, 99));
      sent.end(bytes.subarray(99));
      await once(sent, 'response');
      expect(executed.at(-1)).toMatchObject({ line: `${method} /bytes`, body });
      expect(executed.at(-1)?.headers).toEqual(expect.arrayContaining(['Content-Length', '256']));
    }
    await call('POST', '/bytes', { body: 'said', headers: ['Content-Length', '4', 'Host', 'h'] });
    expect(executed.at(-1)?.body).toBe('said');
  });

  it('answers as the server answered, also to HEAD and before a path of the target', async () => {
    await using below = await startHttpFaultProxy(`${target}/base/`);
    const answer = await fetch(`${below.url}/x`);
    expect(answer.headers.get('x-server')).toBe('one, two');
    expect(await answer.json()).toEqual({ count: 1 });
    const head = await call('HEAD', '/x');
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, undefined, '']);
    expect(lines()).toEqual(['GET /base/x', 'HEAD /x']);
  });

  it('is seen and not logged as injected', async () => {
    await call('GET', '/a');
    await call('POST', '/b');
    expect(proxy.seen).toEqual(['GET /a', 'POST /b']);
    expect(proxy.injected).toEqual([]);
  });

  it('ends without an answer when the server is not there', async () => {
    await using nobody = await startHttpFaultProxy('http://127.0.0.1:9');
    await expect(fetch(nobody.url)).rejects.toThrow();
  });
});

describe('what is not executed', () => {
  const inject = (fault: HttpFault) => {
    proxy.inject(/^GET \/x/, fault);
  };
  afterEach(async () => {
    expect(lines()).toEqual([]);
    expect((await call('GET', '/x')).status, 'the next one').toBe(200);
    expect(proxy.injected).toHaveLength(1);
  });

  it('a reset', async () => {
    inject({ kind: 'reset' });
    await expect(call('GET', '/x')).rejects.toMatchObject(RESET);
  });

  it('a black hole, which nobody answers', async () => {
    inject({ kind: 'black-hole' });
    const giveUp = await unanswered('/x');
    await giveUp();
  });

  it('an answer as written', async () => {
    inject({ kind: 'answer', status: 418, headers: { 'X-Tea': 'pot' }, body: 'short' });
    const answer = await call('GET', '/x');
    expect(answer).toMatchObject({ status: 418, body: 'short', headers: { 'x-tea': 'pot' } });
  });

  it.each([
    [503, { kind: 'unavailable' }],
    [500, { kind: 'unavailable', status: 500 }],
    [504, { kind: 'unavailable', status: 504 }],
  ] as const)('a %d', async (status, fault) => {
    inject(fault);
    expect((await call('GET', '/x')).status).toBe(status);
  });

  it('a 429, with Retry-After in seconds', async () => {
    inject({ kind: 'rate-limit', retryAfterSeconds: 30 });
    const answer = await call('GET', '/x');
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '30' } });
  });
});

describe('what is executed', () => {
  const inject = (fault: HttpFault) => {
    proxy.inject(/^POST \/x/, fault);
  };
  afterEach(async () => {
    expect(lines()).toEqual(['POST /x']);
    expect(JSON.parse((await call('POST', '/x')).body), 'the next one').toEqual({ count: 2 });
  });

  it('is never answered by a hang', async () => {
    inject({ kind: 'hang' });
    const giveUp = new AbortController();
    const answer = call('POST', '/x', { signal: giveUp.signal });
    const refused = expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await eventually(() => executed.length === 1);
    giveUp.abort();
    await refused;
  });

  it('is reset instead of answered when the answer is lost', async () => {
    inject({ kind: 'lose-answer' });
    await expect(call('POST', '/x')).rejects.toMatchObject(RESET);
  });

  it('is answered in part when it is truncated', async () => {
    inject({ kind: 'truncate', bytes: 4 });
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(`${proxy.url}/x`, { method: 'POST', agent: false });
      sent.on('response', resolve).on('error', reject).end();
    });
    const parts: string[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part.toString()));
    const [error] = (await once(incoming, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(parts.join('')).toBe('{"co');
  });

  it('is answered with what garbles it', async () => {
    inject({ kind: 'garble', body: '[1]', status: 202 });
    expect(await call('POST', '/x')).toMatchObject({
      status: 202,
      body: '[1]',
      headers: { 'content-type': 'application/json' },
    });
  });

  it('is answered with JSON of another shape', async () => {
    inject({ kind: 'garbage', sort: 'other-json' });
    const { status, body } = await call('POST', '/x');
    expect(status).toBe(200);
    expect(JSON.parse(body)).not.toHaveProperty('count');
  });

  it('is answered with JSON that breaks off', async () => {
    inject({ kind: 'garbage', sort: 'broken-json' });
    const { body } = await call('POST', '/x');
    expect(() => void JSON.parse(body)).toThrow(SyntaxError);
  });

  it('is answered with a page', async () => {
    inject({ kind: 'garbage', sort: 'html' });
    const { headers, body } = await call('POST', '/x');
    expect(headers['content-type']).toBe('text/html');
    expect(body).toMatch(/^<!doctype html>/);
  });

  it('is answered with far too much', async () => {
    inject({ kind: 'garbage', sort: 'huge' });
    const { body } = await call('POST', '/x');
    expect(body.length).toBeGreaterThan(16 * 1024 * 1024);
    expect(() => void JSON.parse(body)).not.toThrow();
  });

  it('arrives later by its latency', async () => {
    inject({ kind: 'latency', ms: [150, 151] });
    const answer = call('POST', '/x');
    // One that was sent later overtakes it.
    await delay(20);
    executed.push({ line: 'overtaken', headers: [], body: '' });
    expect(JSON.parse((await answer).body)).toEqual({ count: 2 });
    expect(lines()).toEqual(['overtaken', 'POST /x']);
    executed.shift();
  });
});

describe('a duplicate', () => {
  it('is executed twice, and the second answer is returned', async () => {
    proxy.inject(/^POST \/x/, { kind: 'duplicate' });
    const answer = await call('POST', '/x', { body: 'same', headers: ['Host', 'h', 'X-Id', '1'] });
    expect(JSON.parse(answer.body)).toEqual({ count: 2 });
    expect(executed).toHaveLength(2);
    expect(executed[1]).toEqual(executed[0]);
  });
});

describe('a stale read', () => {
  it('is the last answer of the same path, and waits for there to be one', async () => {
    proxy.inject(/^GET \/x/, { kind: 'stale-read' });
    await call('GET', '/x?other');
    const first = await call('GET', '/x');
    expect(proxy.injected).toEqual([]);
    await call('POST', '/x');
    expect(await call('GET', '/x')).toEqual(first);
    expect(lines()).toEqual(['GET /x?other', 'GET /x', 'POST /x']);
    expect(JSON.parse((await call('GET', '/x')).body)).toEqual({ count: 4 });
  });

  it('is never the answer of a write', async () => {
    proxy.inject(/^POST/, { kind: 'stale-read' });
    await call('POST', '/x');
    await call('POST', '/x');
    expect(lines()).toEqual(['POST /x', 'POST /x']);
  });
});

describe('a reordered request', () => {
  it('is executed after the next one of its rule, not after others', async () => {
    proxy.inject(/^POST/, { kind: 'reorder', waitMs: 60_000 });
    const first = call('POST', '/first');
    await eventually(() => proxy.seen.length > 0);
    await call('GET', '/other');
    await call('POST', '/second');
    await first;
    expect(lines()).toEqual(['GET /other', 'POST /second', 'POST /first']);
  });

  it('is one of a pair: the next one is not held as well', async () => {
    proxy.inject(/^POST/, { kind: 'reorder', waitMs: 60_000 }, 2);
    for (const pair of ['a', 'b']) {
      const before = proxy.seen.length;
      const first = call('POST', `/${pair}1`);
      await eventually(() => proxy.seen.length > before);
      await call('POST', `/${pair}2`);
      await first;
    }
    expect(lines()).toEqual(['POST /a2', 'POST /a1', 'POST /b2', 'POST /b1']);
    expect(proxy.injected).toHaveLength(2);
  });

  it('goes on by itself when nobody comes, and when the proxy calms', async () => {
    proxy.inject(/^POST/, { kind: 'reorder', waitMs: 20 });
    expect((await call('POST', '/alone')).status).toBe(200);
    proxy.inject(/^POST/, { kind: 'reorder', waitMs: 60_000 });
    const held = call('POST', '/held');
    await eventually(() => proxy.seen.length === 2);
    proxy.calm();
    expect((await held).status).toBe(200);
  });
});

describe('a storm', () => {
  const faults: HttpFault[] = [
    { kind: 'reset' },
    { kind: 'unavailable' },
    { kind: 'lose-answer' },
    { kind: 'latency', ms: [1, 5] },
    { kind: 'duplicate' },
    { kind: 'stale-read' },
    { kind: 'garbage', sort: 'html' },
    { kind: 'truncate', bytes: 2 },
    { kind: 'reorder', waitMs: 5 },
  ];

  async function weathered(seed: number) {
    await using stormy = await startHttpFaultProxy(target);
    stormy.storm({ seed, rate: 0.4, faults });
    for (let index = 0; index < 60; index += 1) {
      await call('GET', `/${String(index % 10)}`, { base: stormy.url }).catch(() => undefined);
    }
    return stormy.injected;
  }

  it('injects the same again for the same seed and order, and something else for another', async () => {
    const injected = await weathered(11);
    expect(injected.length).toBeGreaterThan(10);
    expect(injected.length).toBeLessThan(50);
    expect(await weathered(11)).toEqual(injected);
    expect(await weathered(12)).not.toEqual(injected);
  });
});

describe('a proxy that stopped', () => {
  it('leaves nothing open, whatever was still going on', async () => {
    await delay(200);
    const before = openHandles();
    const other = await startHttpFaultProxy(target);
    const faults: HttpFault[] = [
      { kind: 'black-hole' },
      { kind: 'hang' },
      { kind: 'latency', ms: 600_000 },
      { kind: 'reorder', waitMs: 600_000 },
    ];
    for (const fault of faults) other.inject(new RegExp(fault.kind), fault);
    const calls = faults.map(({ kind }) => fetch(`${other.url}/${kind}`).catch(() => 'gone'));
    // A body that never ends, over a connection that stays.
    const port = Number(new URL(other.url).port);
    const half = connect(port, '127.0.0.1').on('error', () => undefined);
    half.write('POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf');
    await eventually(() => other.seen.length === faults.length + 1);
    await Promise.all([other.stop(), other.stop()]);
    expect(await Promise.all(calls)).toEqual(faults.map(() => 'gone'));
    await expect(fetch(other.url)).rejects.toThrow();
    half.destroy();
    expect(await leftOpen(before)).toEqual([]);
    expect(lines()).toEqual(['GET /hang']);
  });
});
