import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { Routing } from '../activities/routing/port.js';
import type { Route, RouteTarget } from '../temporal/contracts/route.js';
import { applicationFailure, isFailure } from '../temporal/errors.js';
import { contractCases } from './contract-case.js';

/** An adapter with a route store of its own. */
export interface RoutingUnderTest {
  readonly routing: Routing;
  /** The same store after a restart of what keeps it, as another worker sees it. */
  readonly restarted: () => Promise<Routing>;
  /** A tag never written. */
  readonly freshTag: () => string;
  /** Two targets that can take traffic. */
  readonly targets: readonly [RouteTarget, RouteTarget];
  readonly dispose: () => Promise<void>;
}

const NOTHING: Route = { live: null };
const RACING = 20;

/** What every routing adapter keeps. */
export const routingContract = contractCases<RoutingUnderTest>({
  'a tag never written reads as fence 0 with nothing live': async ({ routing, freshTag }) => {
    const tag = freshTag();
    deepEqual(await routing.read(tag), { tag, fence: 0, route: NOTHING });
  },

  'a write answers with the route in force, and a read says the same': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const written = await routing.write(tag, liveOn(targets[0]), 1);
    deepEqual(written, { tag, fence: 1, route: liveOn(targets[0]) });
    deepEqual(await routing.read(tag), written);
  },

  'a canary and its weight are kept as written': async ({ routing, freshTag, targets }) => {
    const tag = freshTag();
    const route: Route = { live: targets[0], canary: { ...targets[1], weightPercent: 12.5 } };
    deepEqual((await routing.write(tag, route, 3)).route, route);
  },

  'the same write again, its answer having been lost, is fine (F2)': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const first = await routing.write(tag, liveOn(targets[0]), 4);
    deepEqual(await routing.write(tag, liveOn(targets[0]), 4), first);
  },

  'an old write that arrives late is refused and changes nothing (F3, I7)': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const inForce = await routing.write(tag, liveOn(targets[1]), 9);
    await refusesStale(routing.write(tag, liveOn(targets[0]), 8));
    deepEqual(await routing.read(tag), inForce);
  },

  'another route under a fence that is taken is refused and changes nothing (I7)': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const inForce = await routing.write(tag, liveOn(targets[0]), 5);
    await refusesStale(routing.write(tag, NOTHING, 5));
    deepEqual(await routing.read(tag), inForce);
  },

  'fences may leave gaps': async ({ routing, freshTag, targets }) => {
    const tag = freshTag();
    await routing.write(tag, liveOn(targets[0]), 2);
    equal((await routing.write(tag, NOTHING, 1_000)).fence, 1_000);
  },

  'of writes that race, the one with the highest fence is in force at the end (I7)': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const fences = Array.from({ length: RACING }, (_, index) => ((index * 7) % RACING) + 1);
    const ends = await Promise.allSettled(
      fences.map((fence) => routing.write(tag, liveOn(targets[fence % 2] ?? targets[0]), fence)),
    );
    for (const end of ends)
      if (end.status === 'rejected')
        equal(isFailure(end.reason, 'StaleFence'), true, String(end.reason));
    deepEqual(await routing.read(tag), { tag, fence: RACING, route: liveOn(targets[0]) });
  },

  'all routes that were written are listed, each as it reads': async ({
    routing,
    freshTag,
    targets,
  }) => {
    const [first, second, never] = [freshTag(), freshTag(), freshTag()];
    await routing.write(first, liveOn(targets[0]), 1);
    await routing.write(second, NOTHING, 2);
    const listed = (await routing.list()).filter(({ tag }) => [first, second, never].includes(tag));
    deepEqual(
      listed.toSorted((a, b) => a.fence - b.fence),
      [await routing.read(first), await routing.read(second)],
    );
  },

  'routes and fences outlive a restart (F28)': async ({
    routing,
    restarted,
    freshTag,
    targets,
  }) => {
    const tag = freshTag();
    const inForce = await routing.write(tag, liveOn(targets[0]), 6);
    const after = await restarted();
    deepEqual(await after.read(tag), inForce);
    await refusesStale(after.write(tag, NOTHING, 5));
  },
});

function liveOn(target: RouteTarget): Route {
  return { live: target };
}

async function refusesStale(write: Promise<unknown>): Promise<void> {
  await rejects(write, (error) => {
    const refused = applicationFailure(error);
    equal(refused?.type, 'StaleFence');
    // A writer that fell behind goes on above what it is told here.
    const { fence } = (refused.details?.[0] ?? {}) as { fence?: unknown };
    equal(typeof fence, 'number', 'expected details with the fence in force');
    return true;
  });
}
