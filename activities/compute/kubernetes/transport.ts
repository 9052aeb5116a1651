import {
  type PromiseHttpLibrary,
  type RequestContext,
  ResponseContext,
} from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { ApiError, NoAnswer } from './api-error.js';
import type { Credentials } from './credentials.js';
import { nextTryMs, type Patience } from './retry.js';

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: string | undefined;
}

/** The server's place in a request is filled in at each try, from the credentials of that moment. */
export const PLACEHOLDER = 'http://apiserver';

/** Every answer that is not a success is thrown (ApiError), and so is none (NoAnswer). */
export class Transport {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** As the generated client wants it: with a deadline, retries, and one more try with fresh credentials. */
  library(patience: Patience): PromiseHttpLibrary {
    return {
      send: async (context) => {
        const answer = await this.#insist(callOf(context), patience);
        return new ResponseContext(answer.status, answer.headers, {
          text: () => Promise.resolve(answer.text),
          binary: () => Promise.resolve(Buffer.from(answer.text)),
          stream: () => null,
        });
      },
    };
  }

  /** The answer as it comes, for a watch; it ends after `quietMs` without a byte. */
  async stream(
    path: string,
    { signal, quietMs, answerMs }: { signal: AbortSignal; quietMs: number; answerMs: number },
  ): Promise<AsyncIterable<Uint8Array>> {
    const call = { method: 'GET', url: new URL(path, PLACEHOLDER), headers: {} };
    const timeouts = { signal, headersTimeout: answerMs, bodyTimeout: quietMs };
    const { statusCode, body, headers } = await this.#open(call, timeouts, 'streams');
    if (statusCode === 200) return body;
    if (statusCode === 401) this.#credentials.forget();
    throw new ApiError(statusCode, await body.text(), retryAfterOf(headers));
  }

  async #insist(call: Call, { tryMs, callMs }: Patience): Promise<Answer> {
    const until = performance.now() + callMs;
    const left = (): number => until - performance.now();
    let refreshed = false;
    for (let made = 1; ; made += 1) {
      try {
        return await this.#attempt(call, Math.min(tryMs, left()));
      } catch (error) {
        const refused = error instanceof ApiError && error.status === 401;
        if (refused || isTls(error)) this.#credentials.forget();
        if (refused && !refreshed) {
          refreshed = true;
          continue;
        }
        const waitMs = isOwn(error)
          ? nextTryMs(error, { made, leftMs: left(), chance: Math.random() })
          : undefined;
        if (waitMs === undefined) throw error;
        await sleep(waitMs);
      }
    }
  }

  async #attempt(call: Call, timeoutMs: number): Promise<Answer> {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
    const answer = await this.#open(call, { signal });
    const { statusCode: status, body } = answer;
    const text = await body.text().catch((error: unknown) => {
      throw new NoAnswer(error);
    });
    if (status < 200 || status >= 300)
      throw new ApiError(status, text, retryAfterOf(answer.headers));
    return { status, text, headers: { 'content-type': String(answer.headers['content-type']) } };
  }

  async #open(
    { method, url, headers, body }: Call,
    options: Partial<Dispatcher.RequestOptions> & { signal: AbortSignal },
    over: 'dispatcher' | 'streams' = 'dispatcher',
  ): Promise<Dispatcher.ResponseData> {
    const { server, headers: identity, [over]: dispatcher } = await this.#credentials.access();
    const at = `${server}${url.pathname}${url.search}`;
    try {
      return await request(at, {
        ...options,
        method,
        headers: { accept: 'application/json', ...headers, ...identity },
        dispatcher,
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new NoAnswer(error);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Record<string, string>;
}

function callOf(context: RequestContext): Call {
  const body = context.getBody();
  if (body !== undefined && typeof body !== 'string')
    throw new TypeError('expected a JSON body, got a form');
  return {
    method: context.getHttpMethod(),
    url: new URL(context.getUrl()),
    headers: context.getHeaders(),
    body,
  };
}

const isOwn = (error: unknown): boolean => error instanceof ApiError || error instanceof NoAnswer;

/** A certificate that was rotated, on this side or that. */
function isTls(error: unknown): boolean {
  const cause = error instanceof NoAnswer ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /TLS|SSL|CERT|SIGNATURE|SELF_SIGNED/.test(code);
}

function retryAfterOf(headers: Dispatcher.ResponseData['headers']): string | undefined {
  const value = headers['retry-after'];
  return Array.isArray(value) ? value[0] : value;
}
