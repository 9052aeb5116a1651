import createClient, { type Client } from 'openapi-fetch';
import type { z } from 'zod';
import { MlflowGarbage, MlflowRefusal, MlflowSilence } from './errors.js';
import { boundedBody } from './bounded-body.js';
import type { paths } from './openapi.gen.js';
import { retryAfterMs } from './retry.js';
import type { Transport } from './transport.js';

/** Far above any page this adapter asks for; a larger answer is not MLflow's. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

type Api = Client<paths>;
interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

export interface Mlflow {
  /**
   * Makes one call and parses its answer. `operation` opens every message about it. Rejects with MlflowRefusal,
   * MlflowSilence or MlflowGarbage.
   */
  call<T extends z.ZodType>(
    operation: string,
    answer: T,
    send: (api: Api) => Promise<Answer>,
  ): Promise<z.output<T>>;
}

export function createMlflow(transport: Transport): Mlflow {
  const api = createClient<paths>({
    baseUrl: transport.base,
    fetch: async (request) => boundedBody(await transport.send(request), MAX_ANSWER_BYTES),
  });
  return {
    async call(operation, schema, send) {
      const answer = await send(api).catch((error: unknown) => {
        throw unanswered(operation, error);
      });
      if (!answer.response.ok) throw refusal(operation, answer.response, answer.error);
      const parsed = schema.safeParse(answer.data);
      if (parsed.success) return parsed.data;
      throw new MlflowGarbage(
        operation,
        `MLflow's answer is not understood: ${issues(parsed.error)}`,
        true,
      );
    },
  };
}

/** What a failed exchange says, for the calls that do not go through the typed client as well. */
export function unanswered(operation: string, error: unknown): Error {
  if (error instanceof SyntaxError) {
    return new MlflowGarbage(
      operation,
      `expected JSON from MLflow, got something else (${error.message})`,
      false,
    );
  }
  return new MlflowSilence(operation, error instanceof Error ? error : new Error(String(error)));
}

/** Basic authentication, the host check and a missing artifact proxy answer in plain text, unknown routes in HTML. */
export function refusal(operation: string, response: Response, error: unknown): MlflowRefusal {
  const { code, message } = described(error);
  return new MlflowRefusal(
    `${operation}: MLflow answered ${String(response.status)} ${code} ${message}`.trim(),
    {
      operation,
      status: response.status,
      code,
      retryAfterMs: retryAfterMs(response),
    },
  );
}

function described(error: unknown): { code: string; message: string } {
  if (typeof error === 'string') return { code: '', message: error.slice(0, 500) };
  if (typeof error !== 'object' || error === null) return { code: '', message: '' };
  const code =
    'error_code' in error && typeof error.error_code === 'string' ? error.error_code : '';
  const message = 'message' in error && typeof error.message === 'string' ? error.message : '';
  return { code, message: message.slice(0, 1_000) };
}

function issues(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'answer'}: ${issue.message}`)
    .join('; ');
}
