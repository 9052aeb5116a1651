import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createProcessHosting } from '../dist/activities/hosting/process.js';
import { createGatewayRouting } from '../dist/activities/routing/gateway.js';
import { GatewayAdmin } from '../dist/activities/routing/gateway-admin.js';
import type { HostSpec } from '../dist/temporal/contracts/route.js';
import type { Context } from './context.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { keepAsking, type Target } from './load.ts';
import { measureMirror } from './mirror.ts';
import { measureMirrorThroughput } from './mirror-throughput.ts';
import { median, quantile, rounded } from './statistics.ts';

const SECONDS_PER_ROUND = 2;
const ROUNDS = 5;
const LOADS = { alone: 1, loaded: 32 };
export const TAG = 'bench';
/** 1 KiB, the size of a request with some fifty features. */
const BODY = JSON.stringify({ inputs: [Array.from({ length: 160 }, (_, index) => index / 10)] });

interface Round {
  rps: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

/**
 * Requests per second and latency of a model server reached through the gateway and directly, in turns, so that both
 * meet the same machine. The model server predicts nothing, so the ratios are the worst case.
 */
export async function measureGateway({ directory, say }: Context): Promise<object> {
  const gateway = await startGatewayProcess(join(directory, 'gateway'), say);
  say('measuring');
  try {
    const port = await startHost(gateway, directory);
    const targets = {
      gateway: { origin: gateway.url, path: `/v1/tags/${TAG}/score`, body: BODY },
      direct: { origin: `http://127.0.0.1:${String(port)}`, path: '/invocations', body: BODY },
    };
    return {
      alone: await compare(targets, LOADS.alone),
      loaded: await compare(targets, LOADS.loaded),
      mirror: await measureMirror(gateway, { directory, say }),
      mirrorThroughput: await measureMirrorThroughput(gateway, { directory, say }),
    };
  } finally {
    await gateway.stop();
  }
}

/** One live model server; answers its port. */
export async function startHost(gateway: GatewayProcess, directory: string): Promise<number> {
  const modelUri = join(directory, 'model.json');
  await writeFile(modelUri, JSON.stringify({ value: 1 }));
  const spec: HostSpec = {
    name: 'bench-host',
    target: 'local',
    modelId: `${TAG}/1`,
    modelUri,
    digest: `sha256:${'1'.repeat(64)}`,
    task: 'regression',
  };
  const hosting = createProcessHosting(gateway);
  await hosting.ensure(spec);
  while ((await hosting.observe(spec.name)).phase !== 'ready') await sleep(50);
  const live = { modelId: spec.modelId, host: spec.name };
  await createGatewayRouting(gateway).write(TAG, { live }, 1);
  const answer = z.object({ port: z.int() });
  const seen = await new GatewayAdmin(gateway).call({
    method: 'GET',
    path: `/admin/hosts/${spec.name}`,
    answer,
  });
  return seen.port;
}

async function compare(
  targets: { gateway: Target; direct: Target },
  connections: number,
): Promise<object> {
  const rounds: { gateway: Round; direct: Round }[] = [];
  // The first round warms both up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const direct = await ask(targets.direct, connections);
    const gateway = await ask(targets.gateway, connections);
    if (round > 0) rounds.push({ gateway, direct });
  }
  const of = (side: 'gateway' | 'direct', field: keyof Round): number =>
    median(rounds.map((round) => round[side][field]));
  const added = (field: 'p50Ms' | 'p99Ms'): number =>
    rounded(median(rounds.map(({ gateway, direct }) => gateway[field] - direct[field])));
  const sum = (side: 'gateway' | 'direct'): number =>
    rounds.reduce((total, round) => total + round[side].failed, 0);
  return {
    connections,
    rps: { gateway: rounded(of('gateway', 'rps')), direct: rounded(of('direct', 'rps')) },
    rpsRatio: rounded(of('gateway', 'rps') / of('direct', 'rps')),
    p50Ms: { gateway: rounded(of('gateway', 'p50Ms')), direct: rounded(of('direct', 'p50Ms')) },
    p99Ms: { gateway: rounded(of('gateway', 'p99Ms')), direct: rounded(of('direct', 'p99Ms')) },
    addedP50Ms: added('p50Ms'),
    addedP99Ms: added('p99Ms'),
    failed: { gateway: sum('gateway'), direct: sum('direct') },
  };
}

async function ask(target: Target, connections: number): Promise<Round> {
  const latencies: number[] = [];
  let failed = 0;
  const startedAt = performance.now();
  await keepAsking(target, connections, {
    going: () => performance.now() < startedAt + SECONDS_PER_ROUND * 1_000,
    answered: ({ sentAtMs, answeredAtMs, status }) => {
      latencies.push(answeredAtMs - sentAtMs);
      failed += status === 200 ? 0 : 1;
    },
  });
  return {
    rps: (latencies.length / (performance.now() - startedAt)) * 1_000,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    failed,
  };
}
