import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission } from '../../gateway/admission.js';
import { judge, STARTING } from '../../gateway/hosts/health.js';
import { interpret } from '../../gateway/hosts/ping.js';
import { BROKEN_AFTER, countDeath, restartDelayMs } from '../../gateway/hosts/restarts.js';
import { readOptions } from '../../gateway/options.js';
import { compareFences } from '../../gateway/routes/fence.js';
import { percentileOf, pickTarget } from '../../gateway/routes/pick.js';
import { targetsTakingTraffic } from '../../gateway/routes/targets.js';
import { withIdentity } from '../../gateway/scoring/splice.js';
import type { Route } from '../../temporal/contracts/route.js';

const A = { modelId: 'flights/1', host: 'a' };
const B = { modelId: 'flights/2', host: 'b' };
const IDENTITY = { modelId: 'flights/1', requestId: 'r' };

describe('comparing fences (I7)', () => {
  const at = (fence: number, route: Route = { live: A }) => ({ tag: 'flights', fence, route });
  it('whatever the order writes arrive in, the fence in force only grows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.constantFrom(A, B, null))), (writes) => {
        let inForce = at(0, { live: null });
        for (const [fence, live] of writes) {
          const write = at(fence, { live });
          const verdict = compareFences(inForce, write);
          expect(verdict === 'apply').toBe(fence > inForce.fence);
          if (verdict === 'same') expect(write).toEqual(inForce);
          if (verdict === 'apply') inForce = write;
        }
      }),
    );
  });
});

describe('picking a target', () => {
  it('spreads request ids evenly', () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => String(index));
    for (const weight of [1, 10, 50]) {
      const share = ids.filter((id) => percentileOf(id) < weight).length / ids.length;
      expect(Math.abs(share * 100 - weight)).toBeLessThan(1);
    }
  });

  it('takes only live without a canary, and only the canary at 100 %', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(pickTarget({ live: A }, id)).toBe(A);
        expect(pickTarget({ live: A, canary: { ...B, weightPercent: 100 } }, id)?.modelId).toBe(
          B.modelId,
        );
      }),
    );
  });

  it('asks readiness of targets that newly take traffic, not of those that keep their place', () => {
    const canary = { ...B, weightPercent: 5 };
    expect(targetsTakingTraffic({ live: A }, { live: A, canary })).toEqual([canary]);
    expect(
      targetsTakingTraffic({ live: A, canary }, { live: A, canary: { ...B, weightPercent: 25 } }),
    ).toEqual([]);
    expect(targetsTakingTraffic({ live: A, canary }, { live: B })).toEqual([B]);
    expect(targetsTakingTraffic({ live: A, canary }, { live: A })).toEqual([]);
    expect(targetsTakingTraffic({ live: A }, { live: null })).toEqual([]);
  });
});

describe('naming the model in a reply', () => {
  it('keeps whatever predictions there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.constantFrom('', ' ', '\n'),
        (predictions, space) => {
          const reply = Buffer.from(
            `${space}${JSON.stringify({ predictions }, null, space)}${space}`,
          );
          const named: unknown = JSON.parse(withIdentity(reply, IDENTITY)?.toString() ?? '');
          expect(named).toEqual({
            predictions: JSON.parse(JSON.stringify(predictions)) as unknown,
            ...IDENTITY,
          });
        },
      ),
    );
  });

  it('overrides what the model server says of model and request itself', () => {
    for (const reply of [
      { predictions: [1], modelId: 'x' },
      { modelId: 'x', predictions: [1] },
    ]) {
      const named = withIdentity(Buffer.from(JSON.stringify(reply)), IDENTITY)?.toString() ?? '';
      expect(JSON.parse(named)).toEqual({ predictions: [1], ...IDENTITY });
    }
  });

  it.each(['', '[]', '{', '{}', 'null', '"predictions"', '{"predictions":[1]', 'no json'])(
    'refuses %j',
    (reply) => {
      expect(withIdentity(Buffer.from(reply), IDENTITY)).toBeUndefined();
    },
  );
});

describe('judging a host', () => {
  const digest = 'sha256:a';
  const ready = judge(STARTING, { answer: 'ready', digest }, digest);

  it('is ready with exactly the digest asked for (F20)', () => {
    expect(ready).toMatchObject({ verified: true, phase: 'ready' });
    for (const other of ['sha256:b', null]) {
      expect(judge(ready, { answer: 'ready', digest: other }, digest)).toMatchObject({
        verified: false,
        phase: 'unhealthy',
      });
    }
  });

  it('keeps its traffic when pings are missed, though it shows as unhealthy after three', () => {
    let health = ready;
    for (let missed = 1; missed <= 3; missed += 1)
      health = judge(health, { answer: 'none', detail: 'timeout' }, digest);
    expect(health).toMatchObject({ verified: true, phase: 'unhealthy', missed: 3 });
    expect(judge(health, { answer: 'ready', digest }, digest)).toEqual(ready);
  });

  it('reads pings of any server', () => {
    expect(interpret(200, '{"digest":"sha256:a","more":1}')).toEqual({
      answer: 'ready',
      digest: 'sha256:a',
    });
    expect(interpret(200, '\n')).toEqual({ answer: 'ready', digest: null });
    expect(interpret(503, 'anything')).toEqual({ answer: 'starting' });
    expect(interpret(500, '{"code":"IntegrityError","message":"m"}')).toEqual({
      answer: 'failed',
      detail: 'IntegrityError: m',
    });
    expect(interpret(404, '<html>')).toEqual({ answer: 'failed', detail: '/ping answered 404' });
  });

  it('is started again at once after a long life, ever later after fast deaths, and at least every half minute', () => {
    const end = { exitCode: 1, detail: '' };
    expect(restartDelayMs(countDeath(3, end, 60_000))).toBe(0);
    const delays = Array.from({ length: 12 }, (_, deaths) => restartDelayMs(deaths));
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBe(30_000);
  });

  it('is broken at once by an exit code that no retry helps', () => {
    expect(countDeath(0, { exitCode: 76, detail: '' }, 0)).toBe(BROKEN_AFTER);
    for (const exitCode of [1, 75, 137, null])
      expect(countDeath(0, { exitCode, detail: '' }, 0)).toBe(1);
  });
});

describe('admitting requests', () => {
  it('bounds their number and the bytes of their bodies, and takes more once some are over (F23)', () => {
    const admission = new Admission({ requests: 2, bodyBytes: 100, unannouncedBytes: 60 });
    const first = admission.admit({ 'content-length': '50' });
    expect(() => admission.admit({})).toThrow('as many requests');
    const second = admission.admit({ 'content-length': '10' });
    expect(() => admission.admit({ 'content-length': '1' })).toThrow('as many requests');
    first();
    admission.admit({})();
    second();
    expect(admission.inFlight).toBe(0);
  });
});

describe('options', () => {
  it('name every problem at once', () => {
    const wrong = () => readOptions(['--port', 'x'], { MODELYARD_ALLOWED_TYPES: '{}' });
    for (const name of [
      '--data',
      '--port',
      'MODELYARD_GATEWAY_ADMIN_TOKEN',
      'MODELYARD_ALLOWED_TYPES',
    ])
      expect(wrong).toThrow(name);
  });

  it('listen on loopback unless told', () => {
    const options = readOptions(['--data', '/data'], { MODELYARD_GATEWAY_ADMIN_TOKEN: 't' });
    expect(options).toMatchObject({
      host: '127.0.0.1',
      limits: { bodyBytes: 16 * 1024 * 1024, scoreTimeoutMs: 60_000 },
    });
  });
});
