/**
 * The whole platform on one machine: a real Temporal server with its Web UI, a real MLflow server, the gateway and a worker.
 *
 * ```ts
 * await using stack = await startStack();
 * console.log(stack.temporal.uiUrl, stack.mlflow.url);
 * ```
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { ConfigError } from '../errors.js';
import type { Ports } from './ports.js';
import type { Parts } from './services.js';
import { packageRoot } from './setup/locations.mjs';
import type { Report } from './setup/steps.mjs';
import { obtainTools } from './setup/tools.mjs';
import { startStackOf, type Stack } from './stack.js';

export type { Stack } from './stack.js';

export interface StartStackOptions {
  /** Where its state is, and only there. @default '.modelyard' */
  directory?: string;
  /** @default free ones, the same again on the same directory where they are still free */
  ports?: Partial<Ports>;
  /** @default 'quiet' */
  log?: 'quiet' | 'info';
}

/**
 * Obtains what is missing (the Temporal CLI, the Python environment), starts what is not running yet and waits until it
 * answers. The state of an earlier stack on the same directory is resumed.
 *
 * While another process runs a stack on the directory, this attaches to it: nothing is started twice, and `stop()` then
 * stops it for everyone. A stack ends with the process that started it; only when that one is killed outright do its
 * servers go on, and the next start adopts them. A job that runs when the stack stops goes on, and the worker of the
 * next start finds it again.
 *
 * The servers do not keep your program alive: wait for something, or the stack ends with it.
 */
export async function startStack(options: StartStackOptions = {}): Promise<Stack> {
  const report: Report =
    options.log === 'info'
      ? (line) => {
          process.stderr.write(`${line}\n`);
        }
      : () => undefined;
  try {
    const parts = await obtainParts(report);
    return await startStackOf(
      { directory: options.directory ?? '.modelyard', ports: options.ports ?? {}, report },
      parts,
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'SetupError') throw new ConfigError(error.message);
    throw error;
  }
}

async function obtainParts(report: Report): Promise<Parts> {
  const dist = join(packageRoot(), 'dist');
  const [gatewayEntry, workerEntry] = [
    join(dist, 'gateway', 'main.js'),
    join(dist, 'workers', 'main.js'),
  ];
  for (const entry of [gatewayEntry, workerEntry]) {
    if (!existsSync(entry))
      throw new ConfigError(`${entry} is missing: build the package first (npm run build).`);
  }
  const tools = await obtainTools({ report });
  return {
    node: process.execPath,
    gatewayEntry,
    workerEntry,
    build: buildOf([gatewayEntry, workerEntry, join(dist, '.built')]),
    tools,
  };
}

function buildOf(files: readonly string[]): string {
  return files
    .map((file) => (existsSync(file) ? String(statSync(file).mtimeMs) : 'none'))
    .join(' ');
}
