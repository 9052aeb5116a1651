import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measurement } from './context.ts';

/** Loaded when chosen, so that one measurement does not need what another does. */
const MEASUREMENTS: Readonly<Record<string, () => Promise<Measurement>>> = {
  overhead: async () => (await import('./overhead.ts')).measureOverhead,
  rollback: async () => (await import('./rollback.ts')).measureRollback,
  gateway: async () => (await import('./gateway.ts')).measureGateway,
  memory: async () => (await import('./memory.ts')).measureMemory,
  jobs: async () => (await import('./jobs.ts')).measureJobs,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { directory: { type: 'string', default: '.modelyard/bench' } },
});
const unknown = positionals.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0) {
  console.error(
    `expected any of ${Object.keys(MEASUREMENTS).join(', ')}, got ${unknown.join(', ')}`,
  );
  process.exit(1);
}
const chosen = positionals.length > 0 ? positionals : Object.keys(MEASUREMENTS);

const results: Record<string, object> = {};
for (const name of chosen) {
  const measure = await MEASUREMENTS[name]?.();
  if (measure !== undefined) results[name] = await measured(name, measure);
}
console.log(JSON.stringify(results, null, 2));
// What the stack keeps open would hold this process, and all of it is stopped by now.
process.exit(0);

async function measured(name: string, measure: Measurement): Promise<object> {
  const directory = resolve(values.directory, name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const say = (line: string): void => {
    console.error(`${name}: ${line}`);
  };
  const result = await measure({ directory, say });
  return { ...result, machine: { cpus: availableParallelism(), load1m: loadavg()[0] } };
}
