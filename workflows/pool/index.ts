import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  workflowInfo,
} from '@temporalio/workflow';
import { pack, unpack, type PackedPool } from '../policy/pool/packed.js';
import { emptyPool } from '../policy/pool/state.js';
import { handleCommands } from './commands.js';
import { Pool } from './entity.js';
import { answerQueries } from './queries.js';

// As a tag's page: short enough to be read anew in a moment, and new code takes over within a day.
const COMMANDS_PER_PAGE = 500;
const EVENTS_PER_PAGE = 600;
const LONGEST_PAGE = '24h';
/** A wrong name is told so, and leaves nothing that lives on. */
const UNAPPLIED_FOR = '10s';

type PoolWorkflow = typeof pool;

interface Start {
  name: string;
  state?: PackedPool;
  /** Commands answered before the workflow continues as new; fewer are for tests of that. */
  commandsPerPage?: number;
}

/** Capacity for shadow windows: who has booked which slot, and until when. One for each pool. */
export function pool(start: Start): Promise<void> {
  // Cancelling it would lose what teams have booked.
  return CancellationScope.nonCancellable(() => live(start));
}

async function live(start: Start): Promise<void> {
  const { name, state, commandsPerPage = COMMANDS_PER_PAGE } = start;
  const entity = new Pool(state ? unpack(state) : emptyPool(name));
  handleCommands(entity);
  answerQueries(entity);
  if (!(await condition(() => entity.exists, UNAPPLIED_FOR))) return;

  const full = (): boolean => {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    const long = historyLength >= EVENTS_PER_PAGE || continueAsNewSuggested;
    return long || entity.answeredCount >= commandsPerPage;
  };
  await condition(full, LONGEST_PAGE);
  await condition(allHandlersFinished);
  await continueAsNew<PoolWorkflow>({ ...start, state: pack(entity.state) });
}
