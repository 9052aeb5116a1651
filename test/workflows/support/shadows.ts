import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import type { Booking } from '../../../temporal/contracts/pool.js';
import type { Route } from '../../../temporal/contracts/route.js';
import type { ShadowRequest } from '../../../temporal/contracts/runs.js';
import { poolWorkflowId } from '../../../temporal/ids.js';
import type { shadow } from '../../../workflows/shadow.js';
import { model } from '../policy/tag/tags.js';
import { startRollout, startShadow } from './runs.js';
import { TagOnServer } from './tag.js';
import { unique, type World } from './world.js';

const CHECKS = [{ metric: 'disagreement_rate', max: 0.05 }];

/** Shadow runs in a world, with a pool 'wide' that has room for all of them. */
export class Shadowing {
  private readonly world: World;
  private applied = 0;

  private constructor(world: World) {
    this.world = world;
  }

  static async in(world: World): Promise<Shadowing> {
    const shadowing = new Shadowing(world);
    await shadowing.applyPool('wide', 50);
    return shadowing;
  }

  async applyPool(name: string, slots: number): Promise<void> {
    this.applied += 1;
    const key = `pool-${String(this.applied)}`;
    const asked = { actor: 'ada', reason: 'capacity', workflowId: 'caller', key, hash: key };
    const { client, taskQueue } = this.world;
    const handle = await client.workflow.start('pool', {
      ...{ workflowId: poolWorkflowId(name), taskQueue, args: [{ name }] },
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await handle.executeUpdate('applyPool', { args: [{ asked, pool: { name, slots } }] });
  }

  async bookingsOf(pool: string, tag: string): Promise<Booking[]> {
    const bookings = await this.world.client.workflow
      .getHandle(poolWorkflowId(pool))
      .query<Booking[], [object]>('calendar', {
        from: new Date(Date.now() - 3_600_000).toISOString(),
        until: new Date(Date.now() + 40 * 24 * 3_600_000).toISOString(),
      });
    return bookings.filter((booking) => booking.tag === tag);
  }

  /** A tag with version 1 live, whose windows show this many copies that version 2 answered. */
  async tagWithTraffic(copies = 100): Promise<TagOnServer> {
    const { world } = this;
    const tag = new TagOnServer(world, unique('tag'));
    await tag.define();
    for (const version of [1, 2, 3]) world.registry.add(tag.tag, model(version));
    await (await startRollout(world, tag.tag, { version: 1 })).result();
    world.predictions.show(tag.tag, {
      ...{ candidate: `${tag.tag}/2`, incumbent: `${tag.tag}/1` },
      ...{ answered: copies, failed: 0 },
    });
    world.monitoring.mirrorFlow(tag.tag, `${tag.tag}/2`, copies);
    return tag;
  }

  start(
    { tag }: TagOnServer,
    over: Partial<ShadowRequest> = {},
  ): Promise<WorkflowHandle<typeof shadow>> {
    return startShadow(this.world, tag, { version: 2, pool: 'wide', checks: CHECKS, ...over });
  }

  routeOf({ tag }: TagOnServer): Route {
    return this.world.routing.at(tag).route;
  }
}

export async function causeOf(run: { result: () => Promise<unknown> }): Promise<unknown> {
  const error = await run.result().catch((said: unknown) => said);
  return (error as WorkflowFailedError).cause;
}
