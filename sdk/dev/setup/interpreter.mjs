import { runCommand } from '../../../temporal/server/command.mjs';
import { setupError } from '../../../temporal/server/setup-error.mjs';

/** @typedef {{ command: string, version: string }} Interpreter */

const MINIMUM = [3, 10];
const PROBE = 'import sys, venv, ensurepip; print("%d.%d.%d" % sys.version_info[:3])';

/**
 * The first usable interpreter: what MODELYARD_PYTHON_BASE names, else one on PATH.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Interpreter>}
 */
export async function findInterpreter(env = process.env) {
  const named = env['MODELYARD_PYTHON_BASE'];
  const candidates = named
    ? [named]
    : ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
  /** @type {string[]} */
  const refusals = [];
  for (const command of candidates) {
    const answer = await probe(command, env);
    if ('version' in answer) return { command, version: answer.version };
    refusals.push(`  - ${command}: ${answer.refusal}`);
  }
  throw setupError(
    [
      `No usable Python ${MINIMUM.join('.')} or newer was found:`,
      ...refusals,
      'Install one with its venv module (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python), or name it by MODELYARD_PYTHON_BASE.',
    ].join('\n'),
  );
}

/**
 * @param {string} command
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ version: string } | { refusal: string }>}
 */
async function probe(command, env) {
  try {
    const output = await runCommand(command, ['-c', PROBE], { timeoutMs: 20_000, env });
    const version = output.trim();
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [wantedMajor = 0, wantedMinor = 0] = MINIMUM;
    if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return { version };
    return { refusal: `is ${version}` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { refusal: message.trim().split('\n').at(-1) ?? message };
  }
}
