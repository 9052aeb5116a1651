import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * A transfer may take its time as long as it moves; a silent one is given up.
 * @param {string} url
 * @param {string} path
 * @param {number} timeoutMs
 */
export async function fetchTo(url, path, timeoutMs) {
  const silence = new AbortController();
  const giveUp = () => {
    silence.abort(new Error(`${url} sent nothing for ${String(timeoutMs)} ms`));
  };
  let timer = setTimeout(giveUp, timeoutMs);
  try {
    const response = await reach(url, silence.signal, timeoutMs);
    if (response.body === null) throw new Error(`${url} answered without content`);
    const pieces = Readable.fromWeb(
      /** @type {import('node:stream/web').ReadableStream} */ (response.body),
    );
    pieces.on('data', () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeoutMs);
    });
    await pipeline(pieces, createWriteStream(path), { signal: silence.signal });
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {number} timeoutMs
 */
export async function reach(url, signal, timeoutMs) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    throw new Error(
      `${new URL(url).host} was not reached within ${String(timeoutMs)} ms: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  if (!response.ok) throw new Error(`${url} answered ${String(response.status)}`);
  return response;
}

/** @param {unknown} error */
function reasonOf(error) {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
