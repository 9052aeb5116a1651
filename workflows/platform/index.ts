import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import { emptyPlatform, type PlatformState } from '../policy/platform/state.js';
import { journalLane, type Parked } from '../tag/lanes/outbox.js';
import { handleCommands } from './commands.js';
import { Platform } from './entity.js';
import { pushLane } from './lanes/push.js';
import { thawLane } from './lanes/thaw.js';
import { answerQueries } from './queries.js';

// As a tag's page: short enough to be read anew in a moment, and new code takes over within a day.
const COMMANDS_PER_PAGE = 500;
const EVENTS_PER_PAGE = 600;
const LONGEST_PAGE = '24h';

type PlatformWorkflow = typeof platform;

interface Start {
  state?: PlatformState;
  /** Commands answered before the workflow continues as new; fewer are for tests of that. */
  commandsPerPage?: number;
}

/** What concerns every tag: the freeze of all of them, their directory and a ledger of its own. One for each namespace. */
export function platform(start: Start): Promise<void> {
  // Cancelling it would leave the tags frozen without anybody who lets them go.
  return CancellationScope.nonCancellable(() => live(start));
}

async function live(start: Start): Promise<void> {
  const { state = emptyPlatform(), commandsPerPage = COMMANDS_PER_PAGE } = start;
  const entity = new Platform(state);
  const parked: Parked = { journal: null, projection: null };
  handleCommands(entity);
  answerQueries(entity, parked);

  const lanes = new CancellationScope();
  const ended = lanes.run(() => work(entity, parked));
  const full = (): boolean => {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const long = historyLength >= EVENTS_PER_PAGE || continueAsNewSuggested;
    return long || entity.answeredCount >= commandsPerPage;
  };
  await condition(() => full() && allHandlersFinished(), LONGEST_PAGE);
  entity.closing = true;
  lanes.cancel();
  await ended;
  // Commands are answered to the last moment, also while a push comes to its end.
  await condition(allHandlersFinished);
  await continueAsNew<PlatformWorkflow>({ ...start, state: entity.state });
}

/** Ends when every lane has ended, so that no push is left behind that would reach a tag after a newer one. */
async function work(entity: Platform, parked: Parked): Promise<void> {
  const lanes: Promise<void>[] = [
    entity.turns.conduct(),
    pushLane(entity),
    thawLane(entity),
    journalLane(entity, parked),
  ];
  await Promise.all(lanes.map((lane) => lane.catch(onlyCancelled)));
}

function onlyCancelled(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
