import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { runCommand } from './command.mjs';

/** Where the Temporal SDKs look for their development server. */
const DOWNLOAD_SERVICE = 'https://temporal.download';

/** @type {Record<string, string>} */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
/** @type {Record<string, string>} */
const PLATFORMS = { linux: 'linux', darwin: 'darwin' };

/**
 * @typedef {object} DownloadOptions
 * @property {string} version
 * @property {string} destination the executable's future path
 * @property {string} [service]
 * @property {number} [timeoutMs] for an answer, and for every pause between two pieces of it
 */

/**
 * @param {DownloadOptions} options
 * @returns {Promise<void>}
 */
export async function downloadCli({
  version,
  destination,
  service = DOWNLOAD_SERVICE,
  timeoutMs = 10_000,
}) {
  const [platform, arch] = [PLATFORMS[process.platform], ARCHITECTURES[process.arch]];
  if (platform === undefined || arch === undefined)
    throw new Error(`there is no build for ${process.platform} ${process.arch}`);
  const query = `arch=${arch}&platform=${platform}&format=tar.gz`;
  const { archiveUrl, fileToExtract } = await archiveOf(
    `${service}/cli/v${version}?${query}`,
    timeoutMs,
  );
  const directory = dirname(destination);
  await mkdir(directory, { recursive: true });
  const archive = join(directory, 'download.tar.gz');
  try {
    await fetchTo(archiveUrl, archive, timeoutMs);
    await runCommand('tar', ['-xzf', archive, '-C', directory, fileToExtract], {
      timeoutMs: 120_000,
    });
  } finally {
    await rm(archive, { force: true });
  }
  if (basename(destination) !== fileToExtract)
    throw new Error(`the archive holds ${fileToExtract}, not ${basename(destination)}`);
}

/**
 * @param {string} url
 * @param {number} timeoutMs
 * @returns {Promise<{ archiveUrl: string, fileToExtract: string }>}
 */
async function archiveOf(url, timeoutMs) {
  const response = await reach(url, AbortSignal.timeout(timeoutMs), timeoutMs);
  /** @type {unknown} */
  const answer = await response.json();
  if (
    typeof answer === 'object' &&
    answer !== null &&
    'archiveUrl' in answer &&
    'fileToExtract' in answer
  ) {
    const { archiveUrl, fileToExtract } = answer;
    // The name goes to tar as an argument: a plain file name only.
    if (
      typeof archiveUrl === 'string' &&
      typeof fileToExtract === 'string' &&
      /^\w[\w.]*$/.test(fileToExtract)
    )
      return { archiveUrl, fileToExtract };
  }
  throw new Error(`${url} names no archive: ${JSON.stringify(answer).slice(0, 200)}`);
}

/**
 * A transfer may take its time as long as it moves; a silent one is given up.
 * @param {string} url
 * @param {string} path
 * @param {number} timeoutMs
 */
async function fetchTo(url, path, timeoutMs) {
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
async function reach(url, signal, timeoutMs) {
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
