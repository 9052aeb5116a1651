import {
  type PromiseHttpLibrary,
  type RequestContext,
  ResponseContext,
} from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { ApiError, NoAnswer } from './api-error.js';
import type { Access, Credentials } from './credentials.js';
import { nextTryMs, type Patience } from './retry.js';

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body?: string | undefined;
  /** Its connections; @default 'dispatcher' */
  readonly over?: 'dispatcher' | 'streams';
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
    const call: Call = {
      method: 'GET',
      url: new URL(path, PLACEHOLDER),
      headers: {},
      over: 'streams',
    };
    const timeouts = { signal, headersTimeout: answerMs, bodyTimeout: quietMs };
    const access = await this.#credentials.access();
    const { statusCode, body, headers } = await open(call, timeouts, access);
    if (statusCode === 200) return body;
    if (statusCode === 401) this.#credentials.forget(access);
    throw new ApiError(statusCode, await body.text(), retryAfterOf(headers));
  }

  async #insist(call: Call, { tryMs, callMs }: Patience): Promise<Answer> {
    const until = performance.now() + callMs;
    const left = (): number => until - performance.now();
    let refreshed = false;
    for (let made = 1; ; made += 1) {
      const access = await this.#credentials.access();
      try {
        return await attempt(call, access, Math.min(tryMs, left()));
      } catch (error) {
        const refused = error instanceof ApiError && error.status === 401;
        if (refused || isTls(error)) this.#credentials.forget(access);
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
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Record<string, string>;
}

async function attempt(call: Call, access: Access, timeoutMs: number): Promise<Answer> {
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const answer = await open(call, { signal }, access);
  const { statusCode: status, body } = answer;
  const text = await body.text().catch((error: unknown) => {
    throw new NoAnswer(error);
  });
  if (status < 200 || status >= 300) throw new ApiError(status, text, retryAfterOf(answer.headers));
  return { status, text, headers: { 'content-type': String(answer.headers['content-type']) } };
}

async function open(
  { method, url, headers, body, over = 'dispatcher' }: Call,
  options: Partial<Dispatcher.RequestOptions> & { signal: AbortSignal },
  access: Access,
): Promise<Dispatcher.ResponseData> {
  const at = `${access.server}${url.pathname}${url.search}`;
  try {
    return await request(at, {
      ...options,
      method,
      headers: { accept: 'application/json', ...headers, ...access.headers },
      dispatcher: access[over],
      ...(body !== undefined && { body }),
    });
  } catch (error) {
    throw new NoAnswer(error);
  }
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
