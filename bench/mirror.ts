import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createProcessHosting } from '../dist/activities/hosting/process.js';
import { createGatewayRouting } from '../dist/activities/routing/gateway.js';
import { GatewayAdmin } from '../dist/activities/routing/gateway-admin.js';
import { MirrorFigures } from '../dist/temporal/contracts/predictions.js';
import type { HostSpec, Route } from '../dist/temporal/contracts/route.js';
import type { Context } from './context.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { keepAsking } from './load.ts';
import { median, ratioOf, rounded, spreadOf, type Spread } from './statistics.ts';

export const TAG = 'mirrored';
const ROUNDS = 5;
const SECONDS_PER_TURN = 3;
/** Of each turn, not counted: its connections are made then, all at once, and a mirror's with them. */
const WARM_UP_MS = 500;
const CONNECTIONS = 16;
/** Leaves the machine room for the candidate: with none, the two models measure each other. */
const PAUSE_MS = 20;
const LIVE_MS = 5;
const FAR_AWAY = '2999-01-01T00:00:00.000Z';
export const BODY = JSON.stringify({
  inputs: [Array.from({ length: 160 }, (_, index) => index / 10)],
});

/** What the candidates do, in the words of the stand-in model server. 'dead' is ended once it is there. */
const CANDIDATES = {
  healthy: { delayMs: LIVE_MS },
  late200Ms: { delayMs: LIVE_MS + 200 },
  tenTimesSlower: { delayMs: LIVE_MS * 10 },
  dead: {},
  blackHole: { sick: 'hang' },
  resetting: { sick: 'reset' },
  answering500: { sick: 500 },
  hugeReplies: { sick: 'huge' },
} as const;
type Kind = keyof typeof CANDIDATES;
const KINDS = Object.keys(CANDIDATES) as Kind[];
/** `offAgain` differs from `off` by nothing: its ratio is what the machine adds by itself. */
const SIDES = ['off', ...KINDS, 'offAgain'] as const;
type Side = (typeof SIDES)[number];

type Turn = Spread & { failed: number; requests: number };

/** What callers see with a candidate of each kind mirrored to, in turns with no mirror, at a load the machine has room for. */
export async function measureMirror(
  gateway: GatewayProcess,
  { directory, say }: Context,
): Promise<object> {
  const hosts = new Hosts(gateway, directory);
  const live = await hosts.start(1, { delayMs: LIVE_MS });
  const candidates = new Map<Side, HostSpec>();
  for (const [index, kind] of KINDS.entries())
    candidates.set(kind, await hosts.start(index + 2, CANDIDATES[kind]));
  await hosts.end(candidates.get('dead'));
  const routing = createGatewayRouting(gateway);
  const turns = new Map<Side, Turn[]>(SIDES.map((side) => [side, []]));
  let fence = 0;
  // The first round warms all up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    say(`mirror, round ${String(round)} of ${String(ROUNDS)}`);
    for (const [kind, taken] of turnedBy(round, [...turns])) {
      await routing.write(TAG, routeTo(live, candidates.get(kind)), (fence += 1));
      const turn = await ask(gateway.url);
      if (round > 0) taken.push(turn);
    }
  }
  const figures = await hosts.figures();
  const off = turns.get('off') ?? [];
  return Object.fromEntries(
    [...turns].map(([kind, taken]) => {
      const candidate = candidates.get(kind);
      const copies = candidate && figures.candidates[candidate.modelId];
      return [kind, { ...shown(taken, off), ...(copies && { copies }) }];
    }),
  );
}

/** Each round begins with another, so that none always follows the same one. */
function turnedBy<Item>(places: number, items: readonly Item[]): Item[] {
  return [...items.slice(places), ...items.slice(0, places)];
}

export function routeTo(live: HostSpec, candidate: HostSpec | undefined): Route {
  const target = ({ modelId, name }: HostSpec) => ({ modelId, host: name });
  if (!candidate) return { live: target(live) };
  const mirror = { ...target(candidate), samplingPercent: 100, until: FAR_AWAY };
  return { live: target(live), mirror };
}

function shown(turns: readonly Turn[], off: readonly Turn[]): object {
  const of = (field: keyof Turn, from = turns): number[] => from.map((turn) => turn[field]);
  const sum = (field: keyof Turn): number => of(field).reduce((total, value) => total + value, 0);
  const over = (field: keyof Turn) => ratioOf(of(field), of(field, off));
  return {
    ...{ requests: sum('requests'), failed: sum('failed') },
    p50Ms: rounded(median(of('p50Ms'))),
    p95Ms: rounded(median(of('p95Ms'))),
    p99Ms: rounded(median(of('p99Ms'))),
    ...{ p50OverOff: over('p50Ms'), p95OverOff: over('p95Ms'), p99OverOff: over('p99Ms') },
  };
}

async function ask(origin: string): Promise<Turn> {
  const latencies: number[] = [];
  let [requests, failed] = [0, 0];
  const startedAt = performance.now();
  const target = { origin, path: `/v1/tags/${TAG}/score`, body: BODY };
  await keepAsking(target, CONNECTIONS, {
    pauseMs: PAUSE_MS,
    going: () => performance.now() < startedAt + SECONDS_PER_TURN * 1_000,
    answered: ({ sentAtMs, answeredAtMs, status }) => {
      if (sentAtMs > startedAt + WARM_UP_MS) latencies.push(answeredAtMs - sentAtMs);
      requests += 1;
      failed += status === 200 ? 0 : 1;
    },
  });
  return { ...spreadOf(latencies), failed, requests };
}

const Running = z.object({ pid: z.int().nullable(), port: z.int().nullable() });

/** Stand-in model servers of the gateway. */
export class Hosts {
  readonly #hosting: ReturnType<typeof createProcessHosting>;
  readonly #admin: GatewayAdmin;
  readonly #directory: string;

  constructor(gateway: GatewayProcess, directory: string) {
    this.#hosting = createProcessHosting(gateway);
    this.#admin = new GatewayAdmin(gateway);
    this.#directory = directory;
  }

  async start(version: number, behaviour: object): Promise<HostSpec> {
    const modelUri = join(this.#directory, `mirrored-${String(version)}.json`);
    await writeFile(modelUri, JSON.stringify({ value: version, ...behaviour }));
    const spec: HostSpec = {
      name: `mirrored-${String(version)}`,
      target: 'local',
      modelId: `${TAG}/${String(version)}`,
      modelUri,
      digest: `sha256:${String(version).repeat(64).slice(0, 64)}`,
      task: 'regression',
    };
    await this.#hosting.ensure(spec);
    while ((await this.#hosting.observe(spec.name)).phase !== 'ready') await sleep(50);
    return spec;
  }

  /** Its process dies, and each one after it at once. */
  async end(spec: HostSpec | undefined): Promise<void> {
    if (!spec) return;
    await writeFile(spec.modelUri, JSON.stringify({ value: 0, exit: 3 }));
    const { pid } = await this.#running(spec);
    if (pid !== null) process.kill(pid, 'SIGKILL');
  }

  async portOf(spec: HostSpec): Promise<number> {
    return (await this.#running(spec)).port ?? 0;
  }

  #running({ name }: HostSpec): Promise<z.infer<typeof Running>> {
    return this.#admin.call({ method: 'GET', path: `/admin/hosts/${name}`, answer: Running });
  }

  figures(): Promise<MirrorFigures> {
    const path = `/admin/mirrors/${TAG}`;
    return this.#admin.call({ method: 'GET', path, answer: MirrorFigures });
  }
}
