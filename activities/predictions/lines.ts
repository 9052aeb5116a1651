import { failure } from '../../temporal/errors.js';

const NEWLINE = 10;

/**
 * The same bytes, refused (GatewayUnavailable) when they do not end with a whole line: a proxy in between may end a broken
 * stream as if it were complete.
 */
export async function* wholeLines(
  stream: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  let last = NEWLINE;
  for await (const chunk of stream) {
    last = chunk.at(-1) ?? last;
    yield chunk;
  }
  if (last === NEWLINE) return;
  throw failure('GatewayUnavailable', `${what}: expected whole lines, got a stream cut in a line`);
}

/** The same bytes in parts of whole lines, each of about `bytes`. */
export async function* inParts(
  stream: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const end = size + chunk.byteLength < bytes ? 0 : chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield Buffer.concat([...held, chunk.subarray(0, end)]);
      held = [];
      size = 0;
    }
    held.push(chunk.subarray(end));
    size += chunk.byteLength - end;
  }
  if (size > 0) yield Buffer.concat(held);
}

/** The lines as texts. Holds all of them, so only for few. */
export async function linesOf(stream: AsyncIterable<Uint8Array>): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return text.split('\n').filter((line) => line !== '');
}
