import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { messageOf } from '../log.js';

/** What a model server says of itself. */
export type Ping =
  | { answer: 'ready'; digest: string | null }
  | { answer: 'starting' }
  /** Of one model on a shared server: it is not there. */
  | { answer: 'unknown' }
  | { answer: 'failed'; detail: string }
  | { answer: 'none'; detail: string };

const PingBody = z.object({
  digest: z.string().nullish(),
  code: z.string().nullish(),
  message: z.string().nullish(),
});
const BODY_LIMIT_BYTES = 64 * 1024;

export async function ping(
  url: string,
  options: { dispatcher: Dispatcher; timeoutMs: number },
): Promise<Ping> {
  try {
    const signal = AbortSignal.timeout(options.timeoutMs);
    const answer = await request(url, { dispatcher: options.dispatcher, signal });
    return interpret(answer.statusCode, await limitedText(answer.body));
  } catch (error) {
    return { answer: 'none', detail: messageOf(error) };
  }
}

/** 200: ready, with the digest it loaded; 503: starting; anything else: it cannot serve. */
export function interpret(status: number, body: string): Ping {
  const said = parseBody(body);
  if (status === 200) return { answer: 'ready', digest: said.digest ?? null };
  if (status === 503) return { answer: 'starting' };
  if (status === 404 && said.code === 'ModelNotFound') return { answer: 'unknown' };
  const why = [said.code, said.message].filter(Boolean).join(': ');
  return { answer: 'failed', detail: why === '' ? `/ping answered ${String(status)}` : why };
}

function parseBody(body: string): z.infer<typeof PingBody> {
  try {
    return PingBody.parse(JSON.parse(body));
  } catch {
    return {};
  }
}

/** Throws when there is more than such an answer may have. */
export async function limitedText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES)
      throw new Error(`it answered more than ${String(BODY_LIMIT_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
