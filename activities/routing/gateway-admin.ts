import { ApplicationFailure } from '@temporalio/common';
import { errors, Pool } from 'undici';
import { z } from 'zod';
import { FencedRoute } from '../../temporal/contracts/route.js';
import { failure } from '../../temporal/errors.js';

export interface GatewayAdminOptions {
  /** The gateway's address, such as 'http://127.0.0.1:8800'. */
  url: string;
  adminToken: string;
  /** From a call to the last byte of its answer; default 10 s. */
  timeoutMs?: number;
}

export interface AdminCall<Answer> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** JSON; a text goes as CSV. */
  body?: unknown;
  /** Shape of a good answer's body; the body of a 204 is undefined. */
  answer: z.ZodType<Answer>;
  timeoutMs?: number;
}

type Exchange = Omit<AdminCall<unknown>, 'answer'>;

interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** Between two pieces of a stream, whose length nobody knows. */
const SILENCE_MS = 30_000;
const CONNECTIONS = 16;

const RefusalBody = z.object({ code: z.string(), message: z.string() });
// Not strict as the contract itself is: a refusal says its code and its message beside the route in force.
const StaleFenceBody = z.object(FencedRoute.pick({ fence: true, route: true }).shape);

/**
 * The gateway's admin API. Throws failures of `temporal/errors.ts`. After GatewayUnavailable the call may have been carried out; every
 * call of this API can be made again.
 */
export class GatewayAdmin {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #authorization: string;
  readonly #timeoutMs: number;

  constructor({ url, adminToken, timeoutMs = DEFAULT_TIMEOUT_MS }: GatewayAdminOptions) {
    this.#url = url;
    this.#pool = new Pool(new URL(url).origin, { connections: CONNECTIONS });
    this.#authorization = `Bearer ${adminToken}`;
    this.#timeoutMs = timeoutMs;
  }

  async call<Answer>(call: AdminCall<Answer>): Promise<Answer> {
    const { status, text } = await this.exchange(call);
    const body = parseJson(text);
    if (status >= 300) throw toFailure({ url: this.#url, call, status, body });
    // Cut off or put there by something in between: the call may have been carried out, and made again it says so.
    if (typeof body === 'string')
      throw failure(
        'GatewayUnavailable',
        `${describe(this.#url, call)}: expected JSON, got ${JSON.stringify(body)}`,
      );
    const parsed = call.answer.safeParse(body);
    if (parsed.success) return parsed.data;
    const problem = z.prettifyError(parsed.error);
    throw failure(
      'GatewayRefused',
      `${describe(this.#url, call)} answered what no gateway answers: ${problem}`,
    );
  }

  /** A good answer's body as it comes. Its end is told from a break: that is GatewayUnavailable, as is a long silence. */
  async *stream(call: Exchange): AsyncGenerator<Uint8Array> {
    const silenceMs = call.timeoutMs ?? SILENCE_MS;
    try {
      const answer = await this.#pool.request({
        ...this.#requestOf(call),
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
      });
      if (answer.statusCode < 300) {
        yield* answer.body as AsyncIterable<Uint8Array>;
        return;
      }
      const body = parseJson(await answer.body.text());
      throw toFailure({ url: this.#url, call, status: answer.statusCode, body });
    } catch (error) {
      throw error instanceof ApplicationFailure
        ? error
        : toFailure({ url: this.#url, call, error });
    }
  }

  /** Whatever was answered, whatever its status. */
  async exchange(call: Exchange): Promise<RawAnswer> {
    try {
      const answer = await this.#pool.request({
        ...this.#requestOf(call),
        signal: AbortSignal.timeout(call.timeoutMs ?? this.#timeoutMs),
      });
      const { statusCode: status, headers } = answer;
      return { status, headers, text: await answer.body.text() };
    } catch (error) {
      throw toFailure({ url: this.#url, call, error });
    }
  }

  /** What a refusal means that `exchange` gave. */
  refusalOf(call: Exchange, { status, text }: RawAnswer): ApplicationFailure {
    return toFailure({ url: this.#url, call, status, body: parseJson(text) });
  }

  #requestOf({ method, path, body }: Exchange) {
    const type = typeof body === 'string' ? 'text/csv' : 'application/json';
    const headers = {
      authorization: this.#authorization,
      ...(body !== undefined && { 'content-type': type }),
    };
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    return { method, path, headers, body: body === undefined ? null : sent };
  }
}

type Failed = { url: string; call: Exchange } & (
  { status: number; body: unknown } | { error: unknown }
);

/** The one place that says what an answer of the gateway, or none, means to a caller. */
export function toFailure(failed: Failed): ApplicationFailure {
  const where = describe(failed.url, failed.call);
  if ('error' in failed) return unreachable(where, failed.error);
  const { status, body } = failed;
  const refusal = RefusalBody.safeParse(body);
  const code = refusal.data?.code;
  const message = `${where}: ${refusal.data?.message ?? `status ${String(status)}`}`;
  const details = { status, ...(code !== undefined && { code }) };
  if (code === 'StaleFence')
    return failure('StaleFence', message, {
      details: StaleFenceBody.safeParse(body).data ?? details,
    });
  // A route write that names a host which is gone is tried again once its writer has made the host anew.
  if (code === 'HostNotReady' || (code === 'HostUnknown' && status === 409))
    return failure('HostNotReady', message, { details });
  if (status >= 500 || status === 429) return failure('GatewayUnavailable', message, { details });
  return failure('GatewayRefused', message, { details });
}

function unreachable(where: string, error: unknown): ApplicationFailure {
  const cause = error instanceof Error ? error : new Error(String(error));
  const code =
    cause instanceof errors.UndiciError || 'code' in cause ? ` (${String(cause.code)})` : '';
  return failure('GatewayUnavailable', `${where}: no answer: ${cause.message}${code}`, { cause });
}

function describe(url: string, { method, path }: Exchange): string {
  return `the gateway at ${url}, ${method} ${path}`;
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}
