import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConfigError,
  InvalidRequestError,
  UnavailableError,
  UnknownTagError,
} from '../../sdk/errors.js';
import { resolveOptions } from '../../sdk/options.js';
import { score, type ScoreCall } from '../../sdk/score.js';

/** Speaks the gateway's public protocol: status, `{ code, message }`, and the answer of a model. */
let gateway: Server;
let url: string;
let seen: IncomingMessage | undefined;
beforeAll(async () => {
  gateway = createServer((request, response) => {
    seen = request;
    const tag = /^\/v1\/tags\/([^/]+)\/score$/.exec(request.url ?? '')?.[1] ?? '';
    const refusals: Record<string, number> = {
      bad: 400,
      locked: 401,
      unknown: 404,
      defined: 404,
      raising: 502,
      broken: 502,
      empty: 409,
      starting: 503,
    };
    void text(request).then((body) => {
      if (tag === 'hanging') return;
      const status = refusals[tag] ?? 200;
      response.writeHead(status, { 'content-type': 'application/json' });
      const answer =
        status === 200
          ? { predictions: [0.5], modelId: `${tag}/1`, requestId: body }
          : { code: tag === 'raising' ? 'ModelError' : 'Code', message: `why ${tag}\n  at line 1` };
      response.end(JSON.stringify(answer));
    });
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  url = `http://127.0.0.1:${String((gateway.address() as AddressInfo).port)}`;
});
afterAll(() => {
  gateway.closeAllConnections();
  gateway.close();
});

const options = () => resolveOptions({ gateway: { url, token: 'secret' } }, {});
const input = { instances: [1] };
const call = (tag: string, signal?: AbortSignal): ScoreCall => ({
  tag,
  input,
  signal,
  isDefined: (asked) => Promise.resolve(asked === 'defined'),
});

describe('score', () => {
  it('R10 posts the input for the tag and hands the answer back', async () => {
    expect(await score(options(), call('flight-delay'))).toEqual({
      predictions: [0.5],
      modelId: 'flight-delay/1',
      requestId: '{"instances":[1]}',
    });
    expect(seen?.headers.authorization).toBe('Bearer secret');
  });

  it.each([
    ['bad', InvalidRequestError],
    ['locked', ConfigError],
    ['unknown', UnknownTagError],
    ['broken', UnavailableError],
    ['starting', UnavailableError],
  ])('tells the refusal of %s as an error with the reason', async (tag, kind) => {
    const error = await score(options(), call(tag)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(kind);
    expect(String(error)).toContain(`why ${tag}`);
  });

  it.each(['empty', 'defined'])(
    'says that nothing is live for a tag without a promotion, whether the gateway knows it (%s)',
    async (tag) => {
      const error = await score(options(), call(tag)).catch((caught: unknown) => caught);
      const message = `nothing is live for ${tag}; promote a version first`;
      expect(error).toBeInstanceOf(InvalidRequestError);
      expect(error).toMatchObject({ message, issues: [{ path: 'tag', message }] });
    },
  );

  it("tells a model's own exception by its first line, as a fault of the rows", async () => {
    const error = await score(options(), call('raising')).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ message: 'the model refused these rows: why raising' });
  });

  it("rejects with the caller's own reason when the caller gives up", async () => {
    const abort = new AbortController();
    const answer = score(options(), call('hanging', abort.signal));
    abort.abort(new Error('no longer needed'));
    await expect(answer).rejects.toThrow('no longer needed');
  });

  it('says which setting is missing, and which gateway does not answer', async () => {
    await expect(score(resolveOptions({}, {}), call('x'))).rejects.toThrow(
      /gateway\.url.*MODELYARD_GATEWAY_URL/,
    );
    const away = resolveOptions({ gateway: { url: 'http://127.0.0.1:1' } }, {});
    await expect(score(away, call('x'))).rejects.toMatchObject({
      code: 'Unavailable',
      dependency: 'gateway',
    });
    await expect(score(options(), call('Not A Tag'))).rejects.toBeInstanceOf(InvalidRequestError);
  });
});
