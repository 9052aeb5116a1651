import type { ApplicationFailure } from '@temporalio/common';
import { condition, isCancellation, log, sleep } from '@temporalio/workflow';
import { applicationFailure, isFailure } from '../../../temporal/errors.js';
import { digestOf } from '../../../temporal/digest.js';
import { trim, type Ledgered } from '../../policy/ledger.js';
import { projectionOf } from '../../policy/tag/projection.js';
import { outbox } from '../../proxies.js';
import type { Turns } from '../../turns.js';
import type { Entity } from '../entity.js';

const BATCH = 20;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const PARKED_MS = 3_600_000;
/** What looks permanent may be one garbled answer: it is asked so often again before the lane waits long. */
const TRIES_BEFORE_PARKING = 3;
/** A write that timed out may still be applied after a later one: wait until it cannot, then look once more. */
const LATE_WRITE_MS = 20_000;

/** Why a lane stands still, for `status`; both null while they move. */
export interface Parked {
  journal: string | null;
  projection: string | null;
}

/** Ledger entries, in order, one page at a time. Never ahead of, and never behind, the projection's troubles. */
export async function journalLane<State extends Ledgered>(
  entity: { readonly state: State; readonly turns: Turns; set(state: State): void },
  parked: Parked,
): Promise<never> {
  for (;;) {
    await entity.turns.wait('journal', () => entity.state.journaled < entity.state.seq);
    const batch = entity.state.tail
      .filter(({ seq }) => seq > entity.state.journaled)
      .slice(0, BATCH);
    await persist({ parked, lane: 'journal', write: () => outbox.journalEntries(batch) });
    const journaled = batch.at(-1)?.seq ?? entity.state.journaled;
    entity.set({ ...entity.state, journaled, tail: trim(entity.state.tail, journaled) });
  }
}

/** Whether MLflow has still to be told; computed once for each state, because it is asked after every activation. */
function differs(entity: Entity): () => boolean {
  let seen = -1;
  let differs = false;
  return () => {
    if (entity.revision === seen) return differs;
    seen = entity.revision;
    differs = digestOf(projectionOf(entity.state)) !== entity.state.projected;
    return differs;
  };
}

/** Aliases and tags, always of the newest state: what changed while a write was under way is simply written next. */
export async function projectionLane(entity: Entity, parked: Parked): Promise<never> {
  for (;;) {
    if (entity.turns.taken) await entity.turns.wait('projection', differs(entity));
    // As the histories of the first logic tell: a promise more or less, and commands come in another order.
    else
      for (let seen = entity.revision; !differs(entity)(); seen = entity.revision)
        await condition(() => entity.revision !== seen);
    // What was written last, not what was wanted first: the state moves on between two tries.
    let written = '';
    const write = (): Promise<void> => {
      const newest = projectionOf(entity.state);
      written = digestOf(newest);
      return outbox.projectToRegistry(newest);
    };
    const doubtful = await persist({ parked, lane: 'projection', write });
    if (doubtful) {
      await sleep(LATE_WRITE_MS, { summary: 'until no late alias write is possible' });
      await persist({ parked, lane: 'projection', write });
    }
    entity.set({ ...entity.state, projected: written });
  }
}

/** Tries until it is written. Answers whether any try ended without an answer, so that its effect may still come. */
async function persist(of: {
  parked: Parked;
  lane: keyof Parked;
  write: () => Promise<void>;
}): Promise<boolean> {
  let doubtful = false;
  let refusals = 0;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      await of.write();
      of.parked[of.lane] = null;
      return doubtful;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const said = applicationFailure(error);
      doubtful ||= !said;
      const permanent = said?.nonRetryable === true && !isFailure(error, 'RegistryUnavailable');
      of.parked[of.lane] = permanent ? said.message : null;
      refusals = permanent ? refusals + 1 : 0;
      log.warn('the registry could not be told', {
        lane: of.lane,
        permanent,
        said: said?.message ?? String(error),
      });
      await sleep(
        refusals > TRIES_BEFORE_PARKING ? PARKED_MS : Math.max(pauseMs, askedPauseMs(said)),
        {
          summary: `until the ${of.lane} is tried again`,
        },
      );
    }
  }
}

/** The pause that the registry itself asked for (Retry-After), or none. */
function askedPauseMs(said: ApplicationFailure | undefined): number {
  const { retryAfterMs } = (said?.details?.[0] ?? {}) as { retryAfterMs?: unknown };
  return typeof retryAfterMs === 'number' ? retryAfterMs : 0;
}

export const pendingOf = (entity: Entity): number =>
  entity.state.seq -
  entity.state.journaled +
  (digestOf(projectionOf(entity.state)) === entity.state.projected ? 0 : 1);
