import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGatewayRouting } from '../dist/activities/routing/gateway.js';
import type { Route } from '../dist/temporal/contracts/route.js';
import type { Context } from './context.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startHost, TAG } from './gateway.ts';
import { parkWindows } from './memory/windows.ts';
import { rounded } from './statistics.ts';

const COUNT = 1_000;
const FAR_AWAY = '2999-01-01T00:00:00.000Z';

/** Resident memory of a gateway that holds a thousand routes, and of a worker that holds a thousand shadow windows. */
export async function measureMemory({ directory, say }: Context): Promise<object> {
  const gateway = await startGatewayProcess(join(directory, 'gateway'), say, 'ignore');
  let routes: object;
  try {
    say(`writing ${String(COUNT)} routes`);
    routes = await ofRoutes(gateway, directory);
  } finally {
    await gateway.stop();
  }
  const [before, after] = await parkWindows({ directory, say }, COUNT, rssOf);
  return { routes, windows: grown(before, after) };
}

/** The routes name one host, and each has been asked once, so that what is counted by tag is there. */
async function ofRoutes(gateway: GatewayProcess, directory: string): Promise<object> {
  await startHost(gateway, directory);
  const routing = createGatewayRouting(gateway);
  const { route } = await routing.read(TAG);
  const mirrored: Route = {
    ...route,
    ...(route.live && { mirror: { ...route.live, samplingPercent: 100, until: FAR_AWAY } }),
  };
  // As many writes and requests as those that are measured: what these leave to be collected is there before.
  for (let fence = 2; fence < COUNT + 2; fence += 1) {
    await routing.write(TAG, route, fence);
    await score(gateway, TAG);
  }
  const before = await rssOf(gateway.pid);
  for (let index = 0; index < COUNT; index += 1) {
    const tag = `${TAG}-${String(index)}`;
    await routing.write(tag, mirrored, 1);
    await score(gateway, tag);
  }
  return grown(before, await rssOf(gateway.pid));
}

async function score({ url }: GatewayProcess, tag: string): Promise<void> {
  const body = JSON.stringify({ inputs: [[1]] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/tags/${tag}/score`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`${String(answer.status)}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

/** Bytes, once it has been quiet for a while. */
async function rssOf(pid: number): Promise<number> {
  await sleep(3_000);
  const said = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(said) ?? [];
  if (kib === undefined) throw new Error(`expected a resident size of ${String(pid)}, got ${said}`);
  return Number(kib) * 1_024;
}

const grown = (before: number, after: number): object => ({
  count: COUNT,
  rssBeforeMb: rounded(before / 2 ** 20),
  rssAfterMb: rounded(after / 2 ** 20),
  kibEach: rounded((after - before) / 1_024 / COUNT),
});
