import { parseTag } from './arguments.js';
import {
  ConfigError,
  InvalidRequestError,
  ModelyardError,
  UnavailableError,
  UnknownTagError,
} from './errors.js';
import { required, type ResolvedOptions } from './options.js';
import type { ScoreInput, ScoreOutput } from './types.js';

const TIMEOUT_MS = 30_000;

/** Scores through the gateway. A signal that aborts rejects with the signal's own reason. */
export async function score(
  options: ResolvedOptions,
  givenTag: string,
  input: ScoreInput,
  signal?: AbortSignal,
): Promise<ScoreOutput> {
  const tag = parseTag('score', givenTag);
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
    const body: unknown = await response.json();
    if (response.ok) return body as ScoreOutput;
    throw refused(response.status, messageOf(body), tag);
  } catch (error) {
    if (error instanceof ModelyardError) throw error;
    signal?.throwIfAborted();
    throw new UnavailableError(
      `The gateway at ${gateway} did not answer; start it or correct gateway.url (MODELYARD_GATEWAY_URL)`,
      'gateway',
      { cause: error },
    );
  }
}

function refused(status: number, message: string, tag: string): ModelyardError {
  switch (status) {
    case 400:
    case 413:
    case 415:
      return new InvalidRequestError(message, [{ path: 'input', message }]);
    case 401:
    case 403:
      return new ConfigError(
        `The gateway refused the token: ${message}; set gateway.token (MODELYARD_GATEWAY_TOKEN)`,
      );
    case 404:
      return new UnknownTagError(message, tag);
    default:
      return new UnavailableError(
        `The gateway answered ${String(status)} for ${tag}: ${message}`,
        'gateway',
      );
  }
}

function messageOf(body: unknown): string {
  const said =
    typeof body === 'object' && body !== null ? (body as { message?: unknown }).message : undefined;
  return typeof said === 'string' ? said : JSON.stringify(body);
}
