import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { FencedRoute } from '../../temporal/contracts/route.js';
import type { RolloutResult } from '../../temporal/contracts/runs.js';
import { applicationFailure } from '../../temporal/errors.js';
import type { HttpFault } from '../../testing/fault-proxy/http-faults.js';
import { startHttpFaultProxy, type HttpFaultProxy } from '../../testing/fault-proxy/http-proxy.js';
import { makeBed, type Bed } from '../gateway/support/bed.js';
import { atRest, expectOnePerKey, expectTold, runsAt, versionsAt } from './support/at-rest.js';
import { gatewayPorts, startFaultyMlflow, type FaultyMlflow } from './support/behind-proxies.js';
import { startRetrain } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, type World } from './support/world.js';

const seed = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
const TAGS = Number(process.env['MODELYARD_STORM_TAGS'] ?? 2);

/** One of every kind. JSON of another shape is missing: it is a permanent refusal by name, which has tests of its own. */
const EVERY_KIND: HttpFault[] = [
  { kind: 'latency', ms: [1, 300] },
  { kind: 'reset' },
  { kind: 'black-hole' },
  { kind: 'unavailable' },
  { kind: 'unavailable', status: 500 },
  { kind: 'rate-limit', retryAfterSeconds: 1 },
  { kind: 'stale-read' },
  { kind: 'hang' },
  { kind: 'lose-answer' },
  { kind: 'truncate', bytes: 20 },
  { kind: 'garbage', sort: 'html' },
  { kind: 'garbage', sort: 'broken-json' },
  { kind: 'duplicate' },
  { kind: 'reorder', waitMs: 500 },
];

let mlflow: FaultyMlflow;
let bed: Bed;
let toGateway: HttpFaultProxy;
let world: World;
beforeAll(async () => {
  mlflow = await startFaultyMlflow(seed);
  bed = await makeBed();
  toGateway = await startHttpFaultProxy(bed.gateway.url, { seed: seed + 1 });
  const ports = { ...mlflow.ports, ...(await gatewayPorts(toGateway.url, bed.directory)) };
  world = await startWorld({ ports });
}, 600_000);
afterAll(async () => {
  // First, because a call that a black hole swallowed would hold up the worker's end.
  for (const proxy of [mlflow.proxy, toGateway]) await proxy.stop();
  await world[Symbol.asyncDispose]();
  await bed.dispose();
  await mlflow[Symbol.asyncDispose]();
});

const MOST_TRIES = 12;

/** What may end a run under faults, always by its name. */
const NAMED = [
  'GatewayRefused',
  'GatewayUnavailable',
  'RegistryRefused',
  'Integrity',
  'HostFailed',
];

async function orNamed<Answer>(work: Promise<Answer>): Promise<Answer | null> {
  try {
    return await work;
  } catch (error) {
    expect(NAMED, String(error)).toContain(applicationFailure(error)?.type);
    return null;
  }
}

/** Retrains until a candidate of this quality is live, as a person would who is told why the last try ended. */
async function promoted(tag: TagOnServer, quality: number): Promise<string[]> {
  const started: string[] = [];
  while (started.length < MOST_TRIES) {
    const run = await startRetrain(world, tag.tag, { params: { quality } });
    started.push(run.workflowId);
    const result = await orNamed(run.result());
    if (result?.rolloutWorkflowId == null) continue;
    const rollout = world.client.workflow.getHandle<() => Promise<RolloutResult>>(
      result.rolloutWorkflowId,
    );
    if ((await orNamed(rollout.result()))?.outcome === 'promoted') return started;
  }
  throw new Error(`${tag.tag} was not promoted in ${String(MOST_TRIES)} retrains`);
}

async function rolledBack(tag: TagOnServer): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1)
    if ((await orNamed(tag.rollback())) !== null) return;
  throw new Error(`${tag.tag} was not rolled back in ${String(MOST_TRIES)} tries`);
}

async function live(tag: TagOnServer): Promise<string[]> {
  const started = await promoted(tag, 0.7);
  started.push(...(await promoted(tag, 0.8)));
  await rolledBack(tag);
  started.push(...(await promoted(tag, 0.9)));
  await rolledBack(tag);
  return started;
}

function expectOneRoutePerFence(tag: string): void {
  const fences = bed.events
    .filter(({ event, tag: of }) => event === 'route-written' && of === tag)
    .map(({ fence }) => Number(fence));
  expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
}

describe('with every tenth call to MLflow and every fourth to the gateway meeting a fault', () => {
  it('F2 F8 F10 F12 F18 C4 I4 I7 I8 retrains, canaries and rollbacks converge to what the ledger says', async () => {
    onTestFailed(() => {
      console.error(`MODELYARD_SEED=${String(seed)}`, mlflow.proxy.injected, toGateway.injected);
    });
    const tags = Array.from({ length: TAGS }, () => new TagOnServer(world, unique('storm')));
    for (const tag of tags)
      await tag.define({
        gate: {
          metrics: [{ name: 'auc', direction: 'higher', threshold: 0.6, minImprovement: 0.01 }],
          autoPromote: true,
        },
        rollout: { steps: [{ weightPercent: 20, hold: '1s' }] },
      });
    mlflow.proxy.storm({ rate: 0.1, faults: EVERY_KIND });
    // It is called a tenth as often.
    toGateway.storm({ rate: 0.25, faults: EVERY_KIND });
    const started = await Promise.all(tags.map(live));
    const met = [mlflow.proxy, toGateway].map(({ injected }) => injected.length);
    for (const proxy of [mlflow.proxy, toGateway]) proxy.calm();
    for (const [index, tag] of tags.entries()) await expectConverged(tag, started[index] ?? []);
    console.info(`${String(met[0])} faults at MLflow, ${String(met[1])} at the gateway`);
    expect(Math.min(...met)).toBeGreaterThan(0);
  }, 240_000);
});

async function expectConverged(tag: TagOnServer, started: string[]): Promise<void> {
  const { live: liveModel, serving } = await atRest(tag);
  const { body } = await bed.client.admin('GET', `/routes/${tag.tag}`);
  const { fence, route } = body as unknown as FencedRoute;
  expect(fence).toBe(serving.observedFence);
  expect(route).toEqual({ live: expect.objectContaining({ modelId: liveModel }) as unknown });
  expectOneRoutePerFence(tag.tag);
  await expectTold(tag, mlflow.direct);
  const [runs, versions] = await Promise.all([
    runsAt(mlflow.server.url, tag.tag),
    versionsAt(mlflow.server.url, tag.tag),
  ]);
  expectOnePerKey(runs);
  expectOnePerKey(versions);
  expect(new Set(runs.map(({ key }) => key.split('/').slice(0, 3).join('/')))).toEqual(
    new Set(started),
  );
  expect(runs.map(({ status }) => status)).not.toContain('RUNNING');
}
