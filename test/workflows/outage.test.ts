import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Platform, UnavailableError } from '../../sdk/index.js';
import { startHttpFaultProxy, type HttpFaultProxy } from '../../testing/fault-proxy/http-proxy.js';
import { startTcpFaultProxy, type TcpFaultProxy } from '../../testing/fault-proxy/tcp-proxy.js';
import { makeBed, type Bed } from '../gateway/support/bed.js';
import { gatewayPorts } from './support/behind-proxies.js';
import { model } from './policy/tag/tags.js';
import { inStage, startRollout } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorld, unique, until, type World } from './support/world.js';

/**
 * The SDK tries for 20 s; every longer outage takes the same path: it gives up by name, and the worker tries on. So this stands
 * for the minute and, with MODELYARD_OUTAGE_MS=600000, for the ten minutes of a longer campaign.
 */
const LONG_OUTAGE_MS = Number(process.env['MODELYARD_OUTAGE_MS'] ?? 23_000);

let bed: Bed;
let toGateway: HttpFaultProxy;
let ofWorker: TcpFaultProxy;
let ofCaller: TcpFaultProxy;
let world: World;
let platform: Platform;
beforeAll(async () => {
  bed = await makeBed();
  toGateway = await startHttpFaultProxy(bed.gateway.url);
  world = await startWorld({
    ports: await gatewayPorts(toGateway.url, bed.directory),
    workerAddress: async (server) => {
      ofWorker = await startTcpFaultProxy(targetOf(server));
      return ofWorker.address;
    },
  });
  ofCaller = await startTcpFaultProxy(targetOf(world.address));
  const { taskQueue } = world;
  platform = await Platform.connect({
    temporal: { address: ofCaller.address },
    taskQueue,
    actor: 'ada',
  });
}, 600_000);
afterAll(async () => {
  await platform.close();
  await world[Symbol.asyncDispose]();
  for (const proxy of [ofCaller, ofWorker, toGateway]) await proxy.stop();
  await bed.dispose();
});
afterEach(() => {
  for (const proxy of [ofCaller, ofWorker, toGateway]) proxy.calm();
});

function targetOf(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':');
  return { host, port: Number(port) };
}

/** The server is down: nothing goes through any more, and nobody answers. */
function cutOff(forMs: number): void {
  for (const proxy of [ofCaller, ofWorker]) {
    proxy.strike({ kind: 'refuse', forMs });
    proxy.strike({ kind: 'reset' });
  }
}

/** A tag with version 2 live after 1, and 3 registered. */
async function tagAtWork(hold: string): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('outage'));
  await tag.define();
  for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
  for (const version of [1, 2]) await (await startRollout(world, tag.tag, { version })).result();
  await tag.define({ rollout: { steps: [{ weightPercent: 20, hold }] } });
  return tag;
}

const servedBy = async (tag: TagOnServer): Promise<unknown> =>
  (await bed.client.score(tag.tag)).body['modelId'];

const writesOf = (tag: TagOnServer): number =>
  bed.events.filter(({ event, tag: of }) => event === 'route-written' && of === tag.tag).length;

const countOf = async (tag: TagOnServer, action: string): Promise<number> =>
  (await tag.actions()).filter((done) => done === action).length;

describe('with Temporal away', () => {
  it('F5 for a second, a caller does not notice and a rollout goes on', async () => {
    const tag = await tagAtWork('2s');
    const run = await startRollout(world, tag.tag, { version: 3 });
    await inStage(run, 'canary');
    cutOff(1_000);
    expect(await platform.quarantine(tag.tag, 9, { reason: 'odd' })).toMatchObject({
      action: 'quarantine',
    });
    expect(await run.result()).toMatchObject({ outcome: 'promoted' });
    expect(await countOf(tag, 'quarantine')).toBe(1);
    expect(await countOf(tag, 'promote')).toBe(3);
    expect(await servedBy(tag)).toBe(`${tag.tag}/3`);
  });

  it(
    'F5 for longer than a caller waits: it is told by name, scoring goes on, and so do the runs afterwards',
    async () => {
      const tag = await tagAtWork('3s');
      const run = await startRollout(world, tag.tag, { version: 3 });
      await until(
        () => tag.status(),
        ({ rollout }) => rollout?.weightPercent === 20,
      );
      const written = writesOf(tag);
      const ended = sleep(LONG_OUTAGE_MS);
      cutOff(LONG_OUTAGE_MS);
      const error = await platform.status(tag.tag).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({ dependency: 'temporal' });
      expect([`${tag.tag}/2`, `${tag.tag}/3`]).toContain(await servedBy(tag));
      expect(writesOf(tag)).toBe(written);
      await ended;
      expect(await platform.quarantine(tag.tag, 9, { reason: 'odd' })).toMatchObject({
        action: 'quarantine',
      });
      expect(await run.result()).toMatchObject({ outcome: 'promoted' });
      expect(await countOf(tag, 'quarantine')).toBe(1);
      expect(await countOf(tag, 'promote')).toBe(3);
      expect(await servedBy(tag)).toBe(`${tag.tag}/3`);
    },
    LONG_OUTAGE_MS + 90_000,
  );
});

describe('a connection that breaks in the middle of an update', () => {
  it.each([
    ['of the caller', () => [ofCaller]],
    ['of the worker', () => [ofWorker]],
    ['of both', () => [ofCaller, ofWorker]],
  ])(
    'F6 %s: the command is asked again under its id, and has one result',
    async (_whose, whose) => {
      const tag = await tagAtWork('1s');
      const written = writesOf(tag);
      const route = new RegExp(`^PUT /admin/routes/${tag.tag}$`);
      toGateway.inject(route, { kind: 'latency', ms: 1_500 });
      const asked = platform.rollback(tag.tag, { reason: 'bad' });
      await until(
        () => tag.status(),
        ({ serving }) => !serving.inSync,
      );
      for (const proxy of whose()) proxy.strike({ kind: 'reset' });
      expect(await asked).toMatchObject({ action: 'rollback', to: `${tag.tag}/1` });
      expect(await countOf(tag, 'rollback')).toBe(1);
      expect(writesOf(tag)).toBe(written + 1);
      expect(await servedBy(tag)).toBe(`${tag.tag}/1`);
    },
  );
});
