import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTimeOf } from '../../../temporal/server/process-identity.mjs';
import { eventually } from '../../support/eventually.js';
import { controlPlane, START_TIMEOUT_MS } from '../../support/kubernetes/cluster.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const SOURCES = path('../../../scripts/typescript-sources.mjs');
const HELD_CLUSTER = path('../../support/kubernetes/held-cluster.ts');

let found: Awaited<ReturnType<typeof controlPlane>>;
let place: string;
beforeAll(async () => {
  found = await controlPlane();
}, START_TIMEOUT_MS);
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'modelyard-leftovers-'));
});
afterEach(() => {
  rmSync(place, { recursive: true, force: true });
});

/** A cluster in a process of its own, with the ids of its processes and of its pod's. */
async function holdCluster(binaries: string) {
  const file = join(place, 'pids');
  const child = spawn(process.execPath, ['--import', SOURCES, HELD_CLUSTER, binaries, file], {
    env: { ...process.env, TMPDIR: place },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  await eventually(() => existsSync(file) && /\d+ \d+\n/.test(readFileSync(file, 'utf8')));
  const ofPod = readFileSync(file, 'utf8').trim().split(' ').map(Number);
  return { child, pids: [...(JSON.parse(line) as number[]), ...ofPod] };
}

it.for(['SIGKILL', 'SIGTERM'] as const)(
  'after %s to the process that holds a cluster, no process and no file of it is left',
  async (signal, context) => {
    if ('missing' in found) return context.skip(found.missing);
    const { child, pids } = await holdCluster(found.binaries);
    expect(pids).toHaveLength(6);
    for (const pid of pids) expect(startTimeOf(pid), String(pid)).toBeDefined();
    child.kill(signal);
    await once(child, 'exit');
    await eventually(() => pids.every((pid) => startTimeOf(pid) === undefined));
    await eventually(() => readdirSync(place).join() === 'pids');
  },
);
