import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifacts } from '../../../activities/artifacts/port.js';
import { createPredictionActivities } from '../../../activities/predictions/activities.js';
import { createGatewayPredictions } from '../../../activities/predictions/gateway.js';
import { refusedWith } from '../../../testing/refusals.js';
import { ADMIN_TOKEN, LogServer } from './log-server.js';
import { CANDIDATE, INCUMBENT, record } from './records.js';

/** That the gateway has for its own answers; a host has more. */
const CONTROL_MS = 500;

describe('a candidate tried with what the live model answered', () => {
  let log: LogServer;
  let url: string;
  const bodies: [string, string][] = [];

  beforeEach(async () => {
    bodies.length = 0;
    log = new LogServer();
    url = await log.start();
    log.host = (body, type) => {
      bodies.push([type, body]);
      return { status: 200, body: { predictions: [0.5] } };
    };
  });
  afterEach(() => log.stop());

  const attempt = (adminToken = ADMIN_TOKEN, incumbent: string | null = INCUMBENT) =>
    createPredictionActivities({
      predictions: createGatewayPredictions({ url, adminToken, timeoutMs: CONTROL_MS }),
      artifacts: undefined as unknown as Artifacts,
    }).tryCandidate({ tag: 'flights', host: 'flights-2-abc', incumbent });

  it('gets the newest inputs as they were sent, JSON or CSV, on its own host', async () => {
    log.records = [record(1), record(2, { input: 'x\n2\n' })];
    expect(await attempt()).toEqual({ tried: 2, refused: null });
    expect(bodies).toEqual([
      ['text/csv', 'x\n2\n'],
      ['application/json', JSON.stringify(record(1).input)],
    ]);
    expect(log.asked.at(-1)).toBe('POST /admin/hosts/flights-2-abc/invocations');
  });

  it('is told by what it answers to the first body it refuses (U3)', async () => {
    log.records = [record(1), record(2)];
    const said = { code: 'SchemaMismatch', message: 'missing: dep_delay' };
    log.host = () => ({ status: 400, body: said });
    const { tried, refused } = await attempt();
    expect(tried).toBe(1);
    expect(refused).toContain('request-2, status 400');
    expect(refused).toContain('missing: dep_delay');
  });

  it('is not tried where nothing was logged, or nothing whole', async () => {
    expect(await attempt()).toEqual({ tried: 0, refused: null });
    log.records = [
      record(1, { status: 400 }),
      record(2, { input: null, cut: true }),
      record(3, { input: { inputs: [{ passport: null }] }, redacted: true }),
    ];
    expect(await attempt()).toEqual({ tried: 0, refused: null });
  });

  it('is not tried with what a canary or an earlier live model answered', async () => {
    log.records = [
      record(1, { modelId: 'flights/9' }),
      record(2),
      record(3, { modelId: CANDIDATE }),
    ];
    expect(await attempt()).toEqual({ tried: 1, refused: null });
    expect(bodies).toEqual([['application/json', JSON.stringify(record(2).input)]]);
    expect(await attempt(ADMIN_TOKEN, null)).toEqual({ tried: 0, refused: null });
  });

  it('is waited for longer than the gateway itself is, which ends a slow answer with 504 (U3)', async () => {
    log.records = [record(1)];
    log.hostDelayMs = 2 * CONTROL_MS;
    const body = { code: 'HostError', message: 'no whole answer within 10000 ms' };
    log.host = () => ({ status: 504, body, ofGateway: true });
    expect((await attempt()).refused).toContain('status 504');
  });

  it('is quoted in no more than 200 characters: it may quote what callers sent', async () => {
    log.records = [record(1)];
    log.host = () => ({ status: 400, body: `${'x'.repeat(200)}y` });
    const { refused } = await attempt();
    expect(refused).toContain(`status 400: ${'x'.repeat(200)}`);
    expect(refused).not.toContain('y');
  });

  it('that breaks off over a body is asked once more, and then refuses it (U3)', async () => {
    log.records = [record(1)];
    const replies = [502, 504];
    log.host = () => ({
      status: replies.shift() ?? 200,
      body: { code: 'HostError', message: 'broke off' },
      ofGateway: true,
    });
    const { refused } = await attempt();
    expect(refused).toContain('status 504');
    expect(replies).toEqual([]);
  });

  it('is asked again later while its host cannot be asked, and told apart from a wrong token', async () => {
    log.records = [record(1)];
    const body = { code: 'HostNotReady', message: 'loading' };
    log.host = () => ({ status: 503, body });
    await refusedWith('HostNotReady', attempt());
    log.host = () => ({ status: 503, body, ofGateway: true });
    await refusedWith('HostNotReady', attempt());
    log.host = () => ({ status: 404, body: { code: 'HostUnknown', message: '' }, ofGateway: true });
    await refusedWith('GatewayRefused', attempt());
    await refusedWith('GatewayRefused', attempt('wrong'));
    await log.stop();
    await refusedWith('GatewayUnavailable', attempt());
  });

  it('is not judged by a log that is no log', async () => {
    log.noise = '{"at":"never"}\n';
    await refusedWith('GatewayRefused', attempt());
  });
});
