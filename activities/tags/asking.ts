import {
  WorkflowUpdateFailedError,
  type Client,
  type WithStartWorkflowOperation,
} from '@temporalio/client';
import { ApplicationFailure, type Workflow } from '@temporalio/common';
import { applicationFailure, isFailure } from '../../temporal/errors.js';
import { updateId } from '../../temporal/ids.js';

/**
 * What the server says of an update whose run ended under it, and of one that a worker held that died: the next one is handed
 * the task without the update, and completes it without an answer. Asking again with the same id does it once.
 */
const PASSING = ['AcceptedUpdateCompletedWorkflow', 'UnprocessedUpdate'];

export interface EntityCommand {
  asked: { key: string; hash: string };
}

/** Always update-with-start: a plain update of an entity that is not there would be retried for ever. */
export async function askEntity<Answer>(
  client: Client,
  { update, command }: { update: string; command: EntityCommand },
  start: () => WithStartWorkflowOperation<Workflow>,
): Promise<Answer> {
  const options = {
    updateId: updateId(update, command.asked.key, command.asked.hash),
    args: [command],
    startWorkflowOperation: start(),
  };
  try {
    return await client.workflow.executeUpdateWithStart(update, options);
  } catch (error) {
    throw refusal(error);
  }
}

/**
 * What the entity said, as it was said. The same update id would be told the same again, so only an overload, which leaves no
 * trace, and what the server says by itself are worth another try.
 */
export function refusal(error: unknown): unknown {
  if (!(error instanceof WorkflowUpdateFailedError)) return error;
  const said = applicationFailure(error.cause);
  if (PASSING.includes(said?.type ?? '')) return new Error(error.message, { cause: error });
  if (isFailure(said, 'Overloaded')) return said;
  return ApplicationFailure.create({
    type: said?.type ?? 'Unknown',
    message: said?.message ?? error.message,
    nonRetryable: true,
    details: said?.details ?? [],
  });
}
