import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { runEnded } from '../../temporal/messages.js';
import { modelId } from '../../temporal/ids.js';
import { SEARCH_ATTRIBUTES } from '../../temporal/names.js';
import { LOGIC, migrated, type FirstSchema, type Logic } from '../policy/tag/logic.js';
import { emptyTag, type TagState } from '../policy/tag/state.js';
import { handleCommands } from './commands.js';
import { Entity } from './entity.js';
import { retireLane, warmLane } from './lanes/hosts.js';
import { expiryLane, turnLane } from './lanes/lease.js';
import { journalLane, projectionLane, type Parked } from './lanes/outbox.js';
import { noticeLane } from './lanes/notices.js';
import { registerLane } from './lanes/register.js';
import { repairLane } from './lanes/repair.js';
import { scheduleLane } from './lanes/schedule.js';
import { shadowLane } from './lanes/shadow.js';
import { thawLane } from './lanes/thaw.js';
import { answerQueries } from './queries.js';

/** A page of the tag's life: short enough to replay in a moment, and new code takes over within a day. */
const COMMANDS_PER_PAGE = 500;
/** Whoever waits while a worker reads the page anew waits a millisecond for each of these. */
const EVENTS_PER_PAGE = 600;
const LONGEST_PAGE = '24h';

type Tag = typeof tag;

interface Start {
  tag: string;
  state?: TagState | FirstSchema;
  /** Commands answered before the tag continues as new; fewer are for tests of that. */
  commandsPerPage?: number;
}

/** The only writer of a tag: its pointer, its hosts and its ledger. Lives as long as the tag does. */
export function tag(start: Start): Promise<void> {
  // Cancelling a tag would leave its route, hosts and ledger without a writer.
  return CancellationScope.nonCancellable(() => live(start));
}

async function live(start: Start): Promise<void> {
  const { tag: name, state, commandsPerPage = COMMANDS_PER_PAGE } = start;
  const entity = new Entity(state ? migrated(state) : emptyTag(name, firstLogic()));
  const parked: Parked = { journal: null, projection: null };
  handleCommands(entity);
  answerQueries(entity, parked);
  setHandler(runEnded, (run) => {
    // Said twice or late, it is not news: a rollback may have marked the run since, and another one may have ended.
    const known = entity.state.lastRun?.finishedAt ?? '';
    if (run.finishedAt > known) entity.set({ ...entity.state, lastRun: run });
  });

  const lanes = new CancellationScope();
  const ended = lanes.run(() => work(entity, parked));
  const full = (): boolean => {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const long = historyLength >= EVENTS_PER_PAGE || continueAsNewSuggested;
    return long || entity.answeredCount >= commandsPerPage;
  };
  await condition(() => full() && allHandlersFinished(), LONGEST_PAGE);
  await condition(allHandlersFinished);
  lanes.cancel();
  await ended;
  // Commands are answered to the last moment, also while a lane's write comes to its end.
  await condition(allHandlersFinished);
  await continueAsNew<Tag>({ ...start, state: nextPage(entity.state) });
}

/** Registers again with each page, so that a platform that lost its directory has it back within a day. */
const nextPage = (state: TagState): TagState => ({ ...state, logic: LOGIC, registered: false });

/** The first page of a tag's life names no logic: a history from before there were two was moved by the first. */
const firstLogic = (): Logic => (patched('logic 2') ? LOGIC : 1);

/** Ends when every lane has ended, so that none leaves a write under way behind. */
async function work(entity: Entity, parked: Parked): Promise<void> {
  const lanes: Promise<void>[] = [
    entity.turns.conduct(),
    journalLane(entity, parked),
    projectionLane(entity, parked),
    retireLane(entity),
    warmLane(entity),
    expiryLane(entity),
    turnLane(entity),
    repairLane(entity),
    noticeLane(entity),
    thawLane(entity),
    registerLane(entity),
    shadowLane(entity),
    scheduleLane(entity),
    attributesLane(entity),
  ];
  await Promise.all(lanes.map((lane) => lane.catch(onlyCancelled)));
}

function onlyCancelled(error: unknown): void {
  if (!isCancellation(error)) throw error;
}

/** Search attributes follow what is live and who owns it: one write for each change of either. */
async function attributesLane(entity: Entity): Promise<never> {
  let shown = '';
  for (;;) {
    const wanted = (): [string, string] => [
      entity.state.live === null ? 'none' : modelId(entity.state.tag, entity.state.live),
      entity.state.definition?.definition.owner.team ?? '',
    ];
    await entity.turns.wait('attributes', () => wanted().join(' ') !== shown);
    const [live, owner] = wanted();
    shown = wanted().join(' ');
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.ModelTag, value: entity.state.tag },
      { key: SEARCH_ATTRIBUTES.ModelId, value: live },
      { key: SEARCH_ATTRIBUTES.Owner, value: owner },
    ]);
  }
}
