import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createGatewayRouting } from '../dist/activities/routing/gateway.js';
import type { Context } from './context.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { keepAsking, type Target } from './load.ts';
import { BODY, Hosts, routeTo, TAG } from './mirror.ts';
import { startNginx } from './nginx.ts';
import { median, ratioOf, rounded } from './statistics.ts';

const ROUNDS = 5;
const SECONDS_PER_TURN = 2;
const CONNECTIONS = 32;
const FIRST_CORE = '0';
/** Of /proc/<pid>/stat, on every Linux that runs Node. */
const MS_PER_TICK = 10;

interface Turn {
  rps: number;
  cpuMsPerRequest: number;
  failed: number;
}

/**
 * Every request copied to a candidate as fast as its model server, on one core: the gateway, which counts, samples, logs and
 * pairs them, against nginx's `mirror`, which copies. Null without nginx.
 */
export async function measureMirrorThroughput(
  gateway: GatewayProcess,
  { directory, say }: Context,
): Promise<object | null> {
  const hosts = new Hosts(gateway, directory);
  const [live, candidate] = [await hosts.start(51, {}), await hosts.start(52, {})];
  const ports = { live: await hosts.portOf(live), candidate: await hosts.portOf(candidate) };
  const nginx = await startNginx(directory, ports);
  if (nginx === null) {
    say('nginx is not installed: the mirror is compared with nothing');
    return null;
  }
  try {
    await createGatewayRouting(gateway).write(TAG, routeTo(live, candidate), FENCE);
    const sides = [
      { name: 'gateway', pid: gateway.pid, origin: gateway.url, path: `/v1/tags/${TAG}/score` },
      { name: 'nginx', pid: nginx.pid, origin: nginx.url, path: '/invocations' },
    ];
    for (const { pid } of sides) spawnSync('taskset', ['-a', '-p', '-c', FIRST_CORE, String(pid)]);
    const figures = await turnsOf(sides, say);
    const copies = (await hosts.figures()).candidates[candidate.modelId];
    return { ...figures, copies };
  } finally {
    await nginx.stop();
  }
}

interface Side {
  name: string;
  pid: number;
  origin: string;
  path: string;
}

async function turnsOf(sides: readonly Side[], say: Context['say']): Promise<object> {
  const taken: Turn[][] = sides.map(() => []);
  for (let round = 0; round <= ROUNDS; round += 1) {
    say(`mirrored throughput, round ${String(round)} of ${String(ROUNDS)}`);
    for (const [index, { pid, origin, path }] of sides.entries()) {
      const turn = await ask({ origin, path, body: BODY }, pid);
      // The first round warms all up.
      if (round > 0) taken[index]?.push(turn);
    }
  }
  return compared(sides.map(({ name }, index) => ({ name, turns: taken[index] ?? [] })));
}

/** Above those of the mirrors measured before. */
const FENCE = 1_000_000;

function compared(sides: readonly { name: string; turns: Turn[] }[]): object {
  const of = (index: number, field: keyof Turn): number[] =>
    sides[index]?.turns.map((turn) => turn[field]) ?? [];
  const figures = sides.map(({ name }, index) => [
    name,
    {
      rps: rounded(median(of(index, 'rps'))),
      cpuMsPerRequest: rounded(median(of(index, 'cpuMsPerRequest'))),
      failed: of(index, 'failed').reduce((sum, failed) => sum + failed, 0),
    },
  ]);
  return {
    ...(Object.fromEntries(figures) as object),
    rpsRatio: ratioOf(of(0, 'rps'), of(1, 'rps')),
    cpuRatio: ratioOf(of(0, 'cpuMsPerRequest'), of(1, 'cpuMsPerRequest')),
  };
}

async function ask(target: Target, pid: number): Promise<Turn> {
  let [answered, failed] = [0, 0];
  const [startedAt, cpuBefore] = [performance.now(), await cpuMsOf(pid)];
  await keepAsking(target, CONNECTIONS, {
    going: () => performance.now() < startedAt + SECONDS_PER_TURN * 1_000,
    answered: ({ status }) => {
      answered += 1;
      failed += status === 200 ? 0 : 1;
    },
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuMs = (await cpuMsOf(pid)) - cpuBefore;
  return { rps: answered / seconds, cpuMsPerRequest: cpuMs / answered, failed };
}

async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  // The name of the program, in parentheses, may have spaces; time in user and kernel mode are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
