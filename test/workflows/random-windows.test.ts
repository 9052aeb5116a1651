import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FencedRoute } from '../../temporal/contracts/route.js';
import type { TagView } from '../../temporal/contracts/tag.js';
import { seededRandom } from '../stack/support/random.js';
import { model } from './policy/tag/tags.js';
import { PoolOnServer } from './support/pool.js';
import { startRollout, startShadow } from './support/runs.js';
import { TagOnServer } from './support/tag.js';
import { KeptWorker } from './support/worker-processes.js';
import { startWorldApart } from './support/world-apart.js';
import { unique, until, type World } from './support/world.js';

const SEED = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
const LANES = 10;
const WINDOWS_PER_LANE = 5;
/** A worker that holds a task costs ten seconds when it dies. */
const WINDOWS_BETWEEN_DEATHS = 10;
const PATIENCE_MS = 120_000;

const PROMOTED = [1, 3, 4];
const CANDIDATES = [2, 5];
const DISTURBANCES = [
  ...['none', 'cancel', 'end', 'extend', 'extend and cancel'],
  ...['promote', 'rollback', 'quarantine', 'reject'],
] as const;
type Disturbance = (typeof DISTURBANCES)[number];

/** All that may come of a window that is disturbed. */
const OUTCOMES = new Set([
  ...['passed', 'inconclusive', 'cancelled', 'CancelledFailure', 'too late'],
  ...['Quarantined', 'Busy', 'LeaseLost'],
]);

/** The server does not try an activity again whose worker died when its cancellation was asked for already. */
const UNANSWERED = 'an activity timed out';
const outcomesOf = (disturbances: readonly Disturbance[]): string[] =>
  disturbances.some((each) => each.endsWith('cancel')) ? [...OUTCOMES, UNANSWERED] : [...OUTCOMES];

/** A short window's time can pass while its worker is dead. */
const OVER = /until: expected an instant after|expected an end after/;

let world: World;
let worker: KeptWorker;
let pool: PoolOnServer;
let ends: AsyncDisposableStack;
beforeAll(async () => {
  await using opened = new AsyncDisposableStack();
  const apart = opened.use(await startWorldApart());
  world = apart.world;
  worker = opened.use(new KeptWorker(apart.place));
  pool = new PoolOnServer(world, unique('random'));
  ends = opened.move();
}, 600_000);
afterAll(() => ends.disposeAsync());

let begun = 0;
const kill = (): void => {
  worker.kill();
};

type Run = Awaited<ReturnType<typeof startShadow>>;

/** A tag of its own, whose windows come one after the other. */
class Lane {
  readonly came: string[] = [];
  private readonly tag = new TagOnServer(world, unique('tag'));
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async play(): Promise<void> {
    await this.tag.define();
    for (const version of [1, 2, 3, 4, 5]) world.registry.add(this.tag.tag, model(version));
    for (const version of PROMOTED) await this.tag.promote(version);
    for (let window = 0; window < WINDOWS_PER_LANE; window += 1) await this.window();
  }

  private status(): Promise<TagView> {
    return answered(() => this.tag.status());
  }

  private drawn<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item;
  }

  /** One of an hour has to be ended by somebody, so that what it leaves is not tidied up by its own end. */
  private async window(): Promise<void> {
    const version = this.drawn(CANDIDATES);
    const lasts = this.drawn(['2s', '1h']);
    const disturbances = this.drawn([[0], [0, 0]]).map(() => this.drawn(DISTURBANCES));
    const run = await this.start(version, lasts);
    const ended = outcomeOf(run);
    if ((begun += 1) % WINDOWS_BETWEEN_DEATHS === 0) setTimeout(kill, this.random() * 2_000);
    for (const disturbance of disturbances) {
      await sleep(this.random() * 2_000);
      await unlessRefused(this.disturb(disturbance, { run, version }));
    }
    if (lasts === '1h') await this.ended(run, ended);
    const outcome = await ended;
    this.came.push(`${lasts} ${disturbances.join('+')}: ${outcome}`);
    expect(outcomesOf(disturbances)).toContain(outcome);
    await this.leftNothing(version);
    for (const quarantined of (await this.status()).quarantined)
      await this.tag.send('release', { version: quarantined });
  }

  private async start(version: number, duration: string): Promise<Run> {
    const { tag } = this.tag;
    const incumbent = (await this.status()).live ?? '';
    const candidate = `${tag}/${String(version)}`;
    world.predictions.show(tag, { candidate, incumbent, answered: 20, failed: 0 });
    world.monitoring.mirrorFlow(tag, candidate, 20);
    const checks = [{ metric: 'disagreement_rate', max: 0.05 }];
    return startShadow(world, tag, { version, duration, pool: pool.name, checks });
  }

  private disturb(
    disturbance: Disturbance,
    { run, version }: { run: Run; version: number },
  ): Promise<unknown> {
    switch (disturbance) {
      case 'none':
        return Promise.resolve();
      case 'cancel':
        return run.cancel();
      case 'end':
        return endNow(run);
      case 'extend':
        return moveEnd(run);
      case 'extend and cancel':
        return Promise.all([moveEnd(run), run.cancel()]);
      case 'promote':
        return this.promote();
      case 'rollback':
        return this.tag.rollback();
      case 'quarantine':
        return this.tag.quarantine(version);
      case 'reject':
        return this.tag.rollback({ from: version });
    }
  }

  private async promote(): Promise<unknown> {
    const run = await startRollout(world, this.tag.tag, { version: this.drawn(PROMOTED) });
    return run.result();
  }

  private async ended(run: Run, outcome: Promise<string>): Promise<void> {
    let over = false;
    void outcome.then(() => (over = true));
    const asked = async (): Promise<boolean> => {
      if (!over) await unlessRefused(endNow(run));
      await sleep(200);
      return over;
    };
    await until(asked, (yes) => yes, PATIENCE_MS);
  }

  private async leftNothing(version: number): Promise<void> {
    const { tag } = this.tag;
    const meant = await until(
      () => answered(() => this.tag.handle.query<FencedRoute | null>('meantRoute')),
      (route) => route !== null,
      PATIENCE_MS,
    );
    expect(world.routing.at(tag)).toEqual(meant);
    expect(meant?.route).not.toHaveProperty('mirror');
    expect((await this.status()).shadow).toBeNull();
    const bookings = (await answered(() => pool.calendar())).filter(
      (booking) => booking.tag === tag,
    );
    expect(bookings.filter(({ state }) => state === 'booked' || state === 'running')).toEqual([]);
    await until(
      () => world.hosting.modelsOf(tag),
      (models) => !models.includes(`${tag}/${String(version)}`),
      PATIENCE_MS,
    );
  }
}

/** Asked again where the worker died over it. */
async function answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const cause = error instanceof ServiceError ? error.cause : error;
      if (!isGrpcServiceError(cause) || !UNHEARD.has(cause.code)) throw error;
    }
  }
}

const DEADLINE_EXCEEDED = 4;
const FAILED_PRECONDITION = 9;
const UNHEARD = new Set<number>([DEADLINE_EXCEEDED, FAILED_PRECONDITION]);

/** To a little from now, which may be earlier or later than it was. */
const moveEnd = (run: Run): Promise<unknown> => {
  const until = new Date(Date.now() + 3_000).toISOString();
  return answered(() => run.executeUpdate('extendShadow', { args: [{ actor: 'eve', until }] }));
};

const endNow = (run: Run): Promise<unknown> =>
  answered(() => run.executeUpdate('endShadowNow', { args: [{ actor: 'eve', reason: 'enough' }] }));

/** A verdict, or why there is none. One with a verdict has seen the route without its mirror. */
async function outcomeOf(run: Run): Promise<string> {
  try {
    const { verdict, routeRestored } = await run.result();
    return routeRestored ? verdict : `${verdict}, and the route was not restored`;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : error;
    if (cause instanceof CancelledFailure) return 'CancelledFailure';
    if (cause instanceof ActivityFailure && cause.cause instanceof TimeoutFailure)
      return UNANSWERED;
    const { type, message } = cause instanceof ApplicationFailure ? cause : {};
    if (type === 'InvalidRequest' && OVER.test(message ?? '')) return 'too late';
    return type != null && OUTCOMES.has(type) ? type : String(cause);
  }
}

const REFUSALS = [
  ApplicationFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
];

/** What comes at random often comes too early, too late or to a tag that cannot. */
async function unlessRefused(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
  });
}

describe('fifty windows that are cancelled, ended, overtaken by promotes and rollbacks, and whose worker is killed', () => {
  it(
    'I13 C5 leave the route that the tag means, no booking and no host of a candidate',
    { timeout: 600_000 },
    async () => {
      console.log(`MODELYARD_SEED=${String(SEED)}`);
      await pool.apply({ slots: LANES });
      const lanes = Array.from({ length: LANES }, (_, index) => new Lane(SEED + index));
      try {
        await Promise.race([Promise.all(lanes.map((lane) => lane.play())), worker.gone]);
      } finally {
        console.log(lanes.flatMap(({ came }) => came).join('\n'));
      }
      const mirrored = world.routing.writes.filter(({ route }) => route.mirror !== undefined);
      expect(mirrored.length).toBeGreaterThan(LANES);
      expect(worker.deaths.length).toBeGreaterThan(0);
      expect(new Set(worker.deaths)).toEqual(new Set(['SIGKILL']));
    },
  );
});
