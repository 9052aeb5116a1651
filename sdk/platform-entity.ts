import { WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { Asked } from '../temporal/contracts/tag.js';
import { EVERY_TAG, platformWorkflowId, updateId } from '../temporal/ids.js';
import { WORKFLOWS } from '../temporal/names.js';
import { refusalIn } from './refusals.js';
import type { Session } from './session.js';
import { settle } from './tag-entity.js';
import { askWorker } from './worker-answers.js';

/** Sends a command to the platform's workflow, which begins with it when no tag has been defined yet. */
export async function commandPlatform<Command extends { asked: Asked }>(
  session: Session,
  definition: UpdateDefinition<LedgerEntry, [Command]>,
  command: Command,
): Promise<LedgerEntry> {
  const value = { ...command, asked: { ...command.asked, workflowId: platformWorkflowId } };
  return settle(session, EVERY_TAG, () =>
    session.client.workflow.startUpdateWithStart<() => Promise<void>, LedgerEntry, [Command]>(
      definition,
      {
        args: [value],
        updateId: updateId(definition.name, value.asked.key, value.asked.hash),
        waitForStage: 'ACCEPTED',
        // Single use by the client's rule: each try needs an operation of its own.
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.platform, {
          workflowId: platformWorkflowId,
          taskQueue: session.options.taskQueue,
          args: [{}],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: 'every tag: the freeze of all, and their directory',
        }),
      },
    ),
  );
}

/** null when the platform's workflow has not begun: no tag was defined and nothing was frozen. */
export async function queryPlatform<Result, Args extends unknown[]>(
  session: Session,
  query: { definition: QueryDefinition<Result, Args>; args: Args },
): Promise<Result | null> {
  const handle = session.client.workflow.getHandle(platformWorkflowId);
  try {
    return await askWorker(session, () => handle.query(query.definition, ...query.args));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw refusalIn(error) ?? error;
  }
}
