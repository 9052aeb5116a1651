import { spawn } from 'node:child_process';

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeoutMs]
 * @property {(elapsedSeconds: number) => void} [progress] called every 15 seconds while the command runs
 */

const PROGRESS_INTERVAL_MS = 15_000;
const KEPT_OUTPUT = 64 * 1024;
const SHOWN_OUTPUT = 6_000;

/**
 * Runs one command to its end and answers its output; a failure carries the end of that output.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<string>}
 */
export async function runCommand(file, args, options = {}) {
  const startedAt = Date.now();
  const { progress } = options;
  const ticker =
    progress &&
    setInterval(() => {
      progress(Math.round((Date.now() - startedAt) / 1000));
    }, PROGRESS_INTERVAL_MS);
  try {
    return await spawned(file, args, options);
  } finally {
    clearInterval(ticker);
  }
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {CommandOptions} options
 * @returns {Promise<string>}
 */
function spawned(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    /** @param {Buffer} chunk */
    const keep = (chunk) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      reject(new Error(`cannot run ${file}: ${error.message}`, { cause: error }));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new Error(
            `${[file, ...args].join(' ')} ended with ${signal ?? `exit code ${String(code)}`}:\n${endOf(output)}`,
          ),
        );
    });
  });
}

/** @param {string} output */
function endOf(output) {
  const text = output.trim();
  return text.length <= SHOWN_OUTPUT ? text : `…${text.slice(-SHOWN_OUTPUT)}`;
}
