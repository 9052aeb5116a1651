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
import { score } from '../../sdk/score.js';

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
          : { code: 'Code', message: `why ${tag}` };
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

describe('score', () => {
  it('R10 posts the input for the tag and hands the answer back', async () => {
    expect(await score(options(), 'flight-delay', input)).toEqual({
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
    ['empty', UnavailableError],
    ['starting', UnavailableError],
  ])('tells the refusal of %s as an error with the reason', async (tag, kind) => {
    const error = await score(options(), tag, input).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(kind);
    expect(String(error)).toContain(`why ${tag}`);
  });

  it("rejects with the caller's own reason when the caller gives up", async () => {
    const abort = new AbortController();
    const answer = score(options(), 'hanging', input, abort.signal);
    abort.abort(new Error('no longer needed'));
    await expect(answer).rejects.toThrow('no longer needed');
  });

  it('says which setting is missing, and which gateway does not answer', async () => {
    await expect(score(resolveOptions({}, {}), 'x', input)).rejects.toThrow(
      /gateway\.url.*MODELYARD_GATEWAY_URL/,
    );
    const away = resolveOptions({ gateway: { url: 'http://127.0.0.1:1' } }, {});
    await expect(score(away, 'x', input)).rejects.toMatchObject({
      code: 'Unavailable',
      dependency: 'gateway',
    });
    await expect(score(options(), 'Not A Tag', input)).rejects.toBeInstanceOf(InvalidRequestError);
  });
});
