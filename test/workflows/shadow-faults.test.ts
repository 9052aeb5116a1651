import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../../temporal/errors.js';
import { inStage } from './support/runs.js';
import { causeOf, Shadowing } from './support/shadows.js';
import type { TagOnServer } from './support/tag.js';
import { latch, startWorld, unique, until, type World } from './support/world.js';

let world: World;
let shadowing: Shadowing;
beforeAll(async () => {
  world = await startWorld();
  shadowing = await Shadowing.in(world);
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** The next write of the tag's route, held until it is released. */
function heldWrite(tag: TagOnServer): { arrived: Promise<void>; release: () => void } {
  const [arrived, released] = [latch(), latch()];
  world.routing.before = async (of) => {
    if (of !== tag.tag) return;
    world.routing.before = () => undefined;
    arrived.open();
    await released.passed;
  };
  return { arrived: arrived.passed, release: released.open };
}

describe('a shadow run', () => {
  it('I10 I13 that is cancelled while its end is moved leaves no mirror', async () => {
    const tag = await shadowing.tagWithTraffic();
    const before = shadowing.routeOf(tag);
    const run = await shadowing.start(tag, { duration: '1h' });
    await inStage(run, 'window', 'waiting');
    const moving = heldWrite(tag);
    const later = new Date(Date.now() + 7_200_000).toISOString();
    const moved = run
      .executeUpdate('extendShadow', { args: [{ until: later, actor: 'bob' }] })
      .catch(() => undefined);
    await moving.arrived;
    await run.cancel();
    await until(
      async () => (await run.fetchHistory()).events ?? [],
      (events) => events.some((event) => event.workflowExecutionCancelRequestedEventAttributes),
    );
    moving.release();
    expect(await causeOf(run)).toBeInstanceOf(CancelledFailure);
    await moved;
    expect(shadowing.routeOf(tag)).toEqual(before);
    expect((await tag.status()).shadow).toBeNull();
  });

  it('I13 that never heard that its mirror began ends it all the same', async () => {
    const tag = await shadowing.tagWithTraffic();
    const before = shadowing.routeOf(tag);
    const beginning = heldWrite(tag);
    const run = await shadowing.start(tag, { duration: '1h' });
    await beginning.arrived;
    const { raw, runId } = await run.describe();
    const [begin] = raw.pendingActivities ?? [];
    expect(begin?.activityType?.name).toBe('beginShadow');
    await world.client.workflowService.respondActivityTaskFailedById({
      ...{ namespace: 'default', workflowId: run.workflowId, runId },
      activityId: begin?.activityId ?? '',
      failure: {
        message: 'the answer was lost',
        applicationFailureInfo: { type: 'Unknown', nonRetryable: true },
      },
    });
    await until(
      async () => (await run.describe()).raw.pendingActivities ?? [],
      (pending) => pending.some(({ activityType }) => activityType?.name === 'endShadow'),
    );
    beginning.release();
    await expect(run.result()).rejects.toThrow();
    expect(shadowing.routeOf(tag)).toEqual(before);
    expect((await tag.status()).shadow).toBeNull();
  });

  it('U3 is not extended for figures that cannot be read', async () => {
    const tag = await shadowing.tagWithTraffic(3);
    const mirror = world.monitoring.mirror.bind(world.monitoring);
    let looks = 0;
    world.monitoring.mirror = (of) => {
      looks += of === tag.tag ? 1 : 0;
      if (of !== tag.tag || looks === 1) return mirror(of);
      return Promise.reject(failure('InvalidRequest', 'not understood'));
    };
    const report = await (await shadowing.start(tag)).result();
    world.monitoring.mirror = mirror;
    expect(looks).toBe(2);
    expect(report).toMatchObject({ verdict: 'inconclusive', window: { extended: false } });
  });

  it('S1 that never opened shows the window it had booked, and its record ends with the run', async () => {
    const pool = unique('full').slice(0, 30);
    await shadowing.applyPool(pool, 1);
    const [first, tag] = [await shadowing.tagWithTraffic(), await shadowing.tagWithTraffic()];
    const ahead = await shadowing.start(first, { pool, duration: '6s' });
    await inStage(ahead, 'window', 'waiting');
    const run = await shadowing.start(tag, { pool, duration: '1h', whenFull: 'wait' });
    await inStage(run, 'slot', 'waiting');
    world.predictions.answer = () => ({ status: 400, body: { detail: 'no' } });
    const { window, verdict, registryRunId } = await run.result();
    world.predictions.answer = () => ({ status: 200, body: { predictions: [0.5] } });
    expect(verdict).toBe('failed');
    const [booked] = await shadowing.bookingsOf(pool, tag.tag);
    expect(window).toMatchObject({ from: booked?.from, until: booked?.until });
    const { endedAt } = world.registry.runs.get(registryRunId) ?? {};
    expect(Date.parse(endedAt ?? '')).toBeLessThan(Date.parse(window.until));
    await ahead.result();
  });
});
