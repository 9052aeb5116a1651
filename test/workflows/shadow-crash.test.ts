import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShadowReport } from '../../temporal/contracts/shadow.js';
import { model } from './policy/tag/tags.js';
import { inStage, startRollout, startShadow } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { startWorldApart, type WorldApart } from './support/world-apart.js';
import type { WorkerProcess } from './support/worker-processes.js';
import { unique, type World } from './support/world.js';

let apart: WorldApart;
let world: World;
beforeAll(async () => {
  apart = await startWorldApart();
  world = apart.world;
}, 600_000);
afterAll(() => apart[Symbol.asyncDispose]());

async function killed(worker: WorkerProcess): Promise<void> {
  worker.kill();
  expect(await worker.ended).toBe('SIGKILL');
}

async function tagWithTraffic(): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('tag'));
  await tag.define();
  for (const version of [1, 2]) world.registry.add(tag.tag, model(version));
  await (await startRollout(world, tag.tag, { version: 1 })).result();
  world.monitoring.mirrorFlow(tag.tag, `${tag.tag}/2`, 100);
  world.predictions.show(tag.tag, {
    ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1`, answered: 100, failed: 0 },
  });
  return tag;
}

describe('a shadow run whose worker dies', () => {
  it(
    'F26 over the end of the window: it is ended once on waking, and the overrun is on record',
    { timeout: 240_000 },
    async () => {
      const first = await apart.working();
      const tag = await tagWithTraffic();
      const before = world.routing.at(tag.tag).route;
      const run = await startShadow(world, tag.tag, {
        ...{ version: 2, duration: '8s', checks: [{ metric: 'disagreement_rate', max: 0.05 }] },
      });
      const { waitingFor } = await inStage(run, 'window', 'waiting');
      await killed(first);
      await sleep(Math.max(0, Date.parse(waitingFor?.until ?? '') - Date.now()) + 2_000);
      const second = await apart.working();
      const report: ShadowReport = await run.result();
      const ends = (await tag.ledger()).filter(({ action }) => action === 'shadow-end');
      await killed(second);
      expect(report).toMatchObject({ verdict: 'passed', routeRestored: true });
      expect(ends).toEqual([expect.objectContaining({ at: report.window.until })]);
      expect(ends[0]?.reason).toBe(`its window was until ${waitingFor?.until ?? ''}`);
      expect(Date.parse(report.window.until)).toBeGreaterThan(Date.parse(waitingFor?.until ?? ''));
      expect(world.routing.at(tag.tag).route).toEqual(before);
      const beginsAndEnds = world.routing.writes.filter(
        ({ tag: of, refused }) => of === tag.tag && !refused,
      );
      expect(beginsAndEnds.map(({ route }) => route.mirror !== undefined)).toEqual([
        ...[false, true, false],
      ]);
    },
  );
});
