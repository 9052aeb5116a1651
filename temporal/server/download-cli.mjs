import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { runCommand } from './command.mjs';
import { fetchTo, reach } from './download.mjs';

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
