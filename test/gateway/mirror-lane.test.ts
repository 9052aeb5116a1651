import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../gateway/mirror/byte-budget.js';
import { Lane } from '../../gateway/mirror/lane.js';
import { DEFAULT_MIRROR, type MirrorSettings } from '../../gateway/mirror/settings.js';
import type { Serving } from '../../gateway/hosts/serving.js';

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const well: Answering = (_, response) => response.end('{"predictions":[1]}');
const status =
  (code: number): Answering =>
  (_, response) => {
    response.statusCode = code;
    response.end('{}');
  };
const never: Answering = () => undefined;

describe('copies to a candidate', () => {
  let server: Server;
  let serving: Serving | undefined;
  let answer: Answering;
  let received: number;
  const lanes: Lane[] = [];

  beforeEach(async () => {
    received = 0;
    answer = well;
    server = createServer((request, response) => {
      request.resume().once('end', () => {
        received += 1;
        answer(request, response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const pool = new Pool(origin);
    serving = { origin, path: '/invocations', pool, inFlight: 0, hasRoom: true };
  });
  afterEach(() => {
    for (const lane of lanes.splice(0)) lane.abort();
    server.closeAllConnections();
    server.close();
  });

  function laneWith(
    settings: Partial<MirrorSettings>,
    bytes = new ByteBudget(Number.MAX_SAFE_INTEGER),
  ): Lane {
    const lane = new Lane({
      serving: () => serving,
      settings: { ...DEFAULT_MIRROR, ...settings },
      bytes,
    });
    lanes.push(lane);
    return lane;
  }
  const copy = (bytes = 10) => ({ headers: {}, body: Buffer.alloc(bytes) });
  async function causeOf(sent: Promise<{ cause: string | null }>): Promise<string | null> {
    return (await sent).cause;
  }
  const isPending = async (sent: Promise<unknown>): Promise<boolean> =>
    (await Promise.race([sent, sleep(20, 'pending')])) === 'pending';

  it('go on connections of their own, not on those of callers (I9)', async () => {
    const outcome = await laneWith({}).send(copy());
    expect(outcome).toMatchObject({ state: 'answered', status: 200, cause: null });
    expect((serving?.pool as Pool).stats.connected).toBe(0);
    expect(received).toBe(1);
  });

  it('wait for a connection in a bounded number, and are dropped beyond it', async () => {
    answer = never;
    const lane = laneWith({ connections: 1, queued: 2 });
    const sent = [lane.send(copy()), lane.send(copy()), lane.send(copy())];
    expect(await lane.send(copy())).toEqual({
      ...{ state: 'dropped', ms: null, status: null, reply: null, cause: 'queue-full' },
    });
    expect(await Promise.all(sent.map(isPending))).toEqual([true, true, true]);
    expect(received).toBe(1);
  });

  it('hold a bounded number of bytes, those being answered included', async () => {
    answer = never;
    const lane = laneWith({ bytes: 100 });
    const held = lane.send(copy(60));
    expect(await causeOf(lane.send(copy(60)))).toBe('queue-full');
    expect(await isPending(lane.send(copy(40)))).toBe(true);
    expect(await isPending(held)).toBe(true);
  });

  it('of all candidates together hold a bounded number of bytes, and give back what is settled', async () => {
    const total = new ByteBudget(100);
    const [one, other] = [laneWith({}, total), laneWith({}, total)];
    answer = never;
    const held = one.send(copy(60));
    expect(await causeOf(other.send(copy(60)))).toBe('queue-full');
    one.abort();
    expect(await causeOf(held)).toBe('mirror-ended');
    expect(total.held).toBe(0);
    answer = well;
    expect((await other.send(copy(60))).state).toBe('answered');
  });

  it.each([
    ['answers 500', status(500), 'status-500'],
    ['resets', (request: IncomingMessage) => void request.socket.resetAndDestroy(), 'unreachable'],
    ['does not answer', never, 'timeout'],
    [
      'says too much',
      (_: IncomingMessage, response: ServerResponse) => response.end('x'.repeat(2_000)),
      'reply-too-large',
    ],
  ])(
    'stop after five failures in a row when it %s, and one finds out whether to go on',
    async (_, sick, cause) => {
      answer = sick;
      const lane = laneWith({
        ...{ connections: 1, timeoutMs: 50, replyBytes: 1_000 },
        breaker: { failures: 5, openMs: 200 },
      });
      for (let failure = 0; failure < 5; failure += 1)
        expect(await causeOf(lane.send(copy()))).toBe(cause);
      for (let more = 0; more < 20; more += 1)
        expect(await causeOf(lane.send(copy()))).toBe('breaker-open');
      // On a busy machine a copy may be given up before it arrives.
      expect(received).toBeLessThanOrEqual(5);
      await sleep(250);
      expect(await causeOf(lane.send(copy()))).toBe(cause);
      expect(await causeOf(lane.send(copy()))).toBe('breaker-open');
      answer = well;
      await sleep(250);
      for (let good = 0; good < 3; good += 1)
        expect((await lane.send(copy())).state).toBe('answered');
    },
  );

  it('go on to a candidate that refuses payloads, which is evidence and no sickness', async () => {
    answer = status(400);
    const lane = laneWith({});
    const causes = [];
    for (let index = 0; index < 10; index += 1) causes.push(await causeOf(lane.send(copy())));
    expect(new Set(causes)).toEqual(new Set(['status-400']));
    expect(received).toBe(10);
  });

  it('that waited too long for a connection are not sent', async () => {
    answer = never;
    const lane = laneWith({ connections: 1, waitMs: 30, timeoutMs: 200 });
    const [first, second] = [lane.send(copy()), lane.send(copy())];
    await sleep(60);
    const third = lane.send(copy());
    expect(await causeOf(second)).toBe('queue-timeout');
    answer = well;
    expect(await causeOf(first)).toBe('timeout');
    expect(await causeOf(third)).toBe('queue-timeout');
    expect((await lane.send(copy())).state).toBe('answered');
  });

  it('for a candidate without a server are dropped, and follow it to another one', async () => {
    const lane = laneWith({});
    const there = serving;
    serving = undefined;
    expect(await causeOf(lane.send(copy()))).toBe('host-not-ready');
    serving = there && { ...there, origin: there.origin.replace('127.0.0.1', 'localhost') };
    expect((await lane.send(copy())).state).toBe('answered');
    serving = there;
    expect((await lane.send(copy())).state).toBe('answered');
  });

  it('end with the mirror: what waits is dropped, what is under way is answered', async () => {
    let release: (() => void) | undefined;
    answer = (request, response) => {
      release = () => well(request, response);
    };
    const lane = laneWith({ connections: 1 });
    const [sent, waiting] = [lane.send(copy()), lane.send(copy())];
    await expect.poll(() => release).toBeDefined();
    lane.close();
    expect(await causeOf(waiting)).toBe('mirror-ended');
    expect(await causeOf(lane.send(copy()))).toBe('mirror-ended');
    release?.();
    expect((await sent).state).toBe('answered');
    expect(received).toBe(1);
  });

  it('that break off because the candidate was ended with its mirror are no failures of it', async () => {
    answer = never;
    const lane = laneWith({});
    const sent = lane.send(copy());
    await expect.poll(() => received).toBe(1);
    lane.close();
    server.closeAllConnections();
    expect(await sent).toMatchObject({ state: 'dropped', cause: 'mirror-ended' });
  });
});
