import { parseTag } from './arguments.js';
import {
  ConfigError,
  InvalidRequestError,
  type ModelyardError,
  UnavailableError,
  UnknownTagError,
} from './errors.js';
import { required, type ResolvedOptions } from './options.js';
import type { ScoreInput, ScoreOutput } from './types.js';

const TIMEOUT_MS = 30_000;
/** The code by which a model server reports that predicting itself raised. */
const MODELS_OWN_EXCEPTION = 'ModelError';

export interface ScoreCall {
  tag: string;
  input: ScoreInput;
  signal?: AbortSignal | undefined;
  /** Asked only for a tag the gateway does not know: it learns of one by its first promotion. */
  isDefined: (tag: string) => Promise<boolean>;
}

/** Scores through the gateway. A signal that aborts rejects with the signal's own reason. */
export async function score(options: ResolvedOptions, call: ScoreCall): Promise<ScoreOutput> {
  const tag = parseTag('score', call.tag);
  const answer = await ask(options, tag, call);
  if (answer.ok) return answer.body as ScoreOutput;
  const told = refusalIn(answer.body);
  if (answer.status === 404 && (await call.isDefined(tag))) throw nothingLive(tag);
  throw refused(answer.status, told, tag);
}

async function ask(
  options: ResolvedOptions,
  tag: string,
  { input, signal }: ScoreCall,
): Promise<{ ok: boolean; status: number; body: unknown }> {
  const gateway = required(options.gateway.url, {
    option: 'gateway.url',
    variable: 'MODELYARD_GATEWAY_URL',
    neededBy: 'score',
  });
  const url = `${gateway.replace(/\/+$/, '')}/v1/tags/${tag}/score`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.gateway.token !== null && { authorization: `Bearer ${options.gateway.token}` }),
      },
      body: JSON.stringify(input),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return { ok: response.ok, status: response.status, body: await response.json() };
  } catch (error) {
    signal?.throwIfAborted();
    throw new UnavailableError(
      `The gateway at ${gateway} did not answer; start it or correct gateway.url (MODELYARD_GATEWAY_URL)`,
      'gateway',
      { cause: error },
    );
  }
}

interface Told {
  code: string | null;
  message: string;
}

function refused(status: number, { code, message }: Told, tag: string): ModelyardError {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return new InvalidRequestError(message, [{ path: 'input', message }]);
    case 401:
    case 403:
      return new ConfigError(
        `The gateway refused the token: ${message}; set gateway.token (MODELYARD_GATEWAY_TOKEN)`,
      );
    case 404:
      return new UnknownTagError(message, tag);
    case 409:
      return nothingLive(tag);
    default:
      if (code === MODELS_OWN_EXCEPTION) return refusedByModel(message);
      return new UnavailableError(
        `The gateway answered ${String(status)} for ${tag}: ${message}`,
        'gateway',
      );
  }
}

function nothingLive(tag: string): InvalidRequestError {
  const message = `nothing is live for ${tag}; promote a version first`;
  return new InvalidRequestError(message, [{ path: 'tag', message }]);
}

function refusedByModel(said: string): InvalidRequestError {
  const message = `the model refused these rows: ${said.split('\n', 1)[0] ?? ''}`;
  return new InvalidRequestError(message, [{ path: 'input', message }]);
}

function refusalIn(body: unknown): Told {
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown;
    message?: unknown;
  };
  return {
    code: typeof code === 'string' ? code : null,
    message: typeof message === 'string' ? message : JSON.stringify(body),
  };
}
