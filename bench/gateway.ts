import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { Client, modelSpec, targetOf } from '../test/gateway/support/client.js';
import { spawnGateway } from '../test/gateway/support/gateway-process.js';

const SECONDS_PER_ROUND = 2;
const ROUNDS = 3;
const CONNECTIONS = { loaded: 32, alone: 1 };
/** 1 KiB, the size of a request with some fifty features. */
const BODY = JSON.stringify({ inputs: [Array.from({ length: 160 }, (_, index) => index / 10)] });

interface Measured {
  rps: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

/**
 * Requests per second and latency of a model server reached through the gateway and directly, in turns within one run, so that both meet the
 * same machine. The model server predicts nothing, so the ratios are the worst case.
 */
export async function benchGateway(): Promise<Record<string, number | string>> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-bench-'));
  const gateway = await spawnGateway(directory);
  const client = new Client(gateway.url);
  try {
    const spec = await modelSpec(directory, 1);
    const { port } = await client.startHost(spec);
    await client.route('bench', 1, { live: targetOf(spec) });
    const targets = {
      gateway: { origin: gateway.url, path: '/v1/tags/bench/score' },
      direct: { origin: `http://127.0.0.1:${String(port)}`, path: '/invocations' },
    };
    return { ...(await compare('loaded', targets)), ...(await compare('alone', targets)) };
  } finally {
    await client.close();
    await gateway.kill('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  }
}

interface Target {
  origin: string;
  path: string;
}

async function compare(
  load: keyof typeof CONNECTIONS,
  targets: { gateway: Target; direct: Target },
): Promise<Record<string, number>> {
  const connections = CONNECTIONS[load];
  for (const target of [targets.direct, targets.gateway])
    await measure(target, { connections, seconds: 1 });
  const rounds: { gateway: Measured; direct: Measured }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const direct = await measure(targets.direct, { connections, seconds: SECONDS_PER_ROUND });
    rounds.push({
      direct,
      gateway: await measure(targets.gateway, { connections, seconds: SECONDS_PER_ROUND }),
    });
  }
  const of = (side: 'gateway' | 'direct', field: keyof Measured): number =>
    median(rounds.map((round) => round[side][field]));
  return {
    [`${load}.connections`]: connections,
    [`${load}.gateway.rps`]: rounded(of('gateway', 'rps')),
    [`${load}.direct.rps`]: rounded(of('direct', 'rps')),
    [`${load}.rpsRatio`]: rounded(of('gateway', 'rps') / of('direct', 'rps')),
    [`${load}.addedP50Ms`]: rounded(of('gateway', 'p50Ms') - of('direct', 'p50Ms')),
    [`${load}.addedP99Ms`]: rounded(of('gateway', 'p99Ms') - of('direct', 'p99Ms')),
    [`${load}.p50Ratio`]: rounded(of('gateway', 'p50Ms') / of('direct', 'p50Ms')),
    [`${load}.p99Ratio`]: rounded(of('gateway', 'p99Ms') / of('direct', 'p99Ms')),
    [`${load}.failed`]: rounds.reduce(
      (sum, round) => sum + round.gateway.failed + round.direct.failed,
      0,
    ),
  };
}

/** A closed loop: each connection sends its next request when the last is answered. */
async function measure(
  { origin, path }: Target,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Measured> {
  const pool = new Pool(origin, { connections });
  const latencies: number[] = [];
  let failed = 0;
  const started = performance.now();
  const until = started + seconds * 1_000;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const sent = performance.now();
      const answer = await pool.request({
        method: 'POST',
        path,
        body: BODY,
        headers: { 'content-type': 'application/json' },
      });
      await answer.body.dump();
      if (answer.statusCode !== 200) failed += 1;
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  const tookMs = performance.now() - started;
  await pool.close();
  latencies.sort((a, b) => a - b);
  return {
    rps: (latencies.length / tookMs) * 1_000,
    p50Ms: at(latencies, 0.5),
    p99Ms: at(latencies, 0.99),
    failed,
  };
}

function at(sorted: number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

function median(values: number[]): number {
  return at(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
