import { WithStartWorkflowOperation, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { RegisterCommand, Registration } from '../../temporal/contracts/platform.js';
import type { FreezeCommand, UnfreezeCommand } from '../../temporal/contracts/tag.js';
import { applicationFailure } from '../../temporal/errors.js';
import { platformWorkflowId, tagWorkflowId, updateId } from '../../temporal/ids.js';
import { WORKFLOWS } from '../../temporal/names.js';

const AT_ONCE = 20;
/** A tag that takes longer is told again later: it must not keep the others waiting. */
const PATIENCE_MS = 4_000;
const REGISTER_MS = 10_000;

/** What the platform's workflow and the tags' tell each other. */
export function createPlatformActivities({
  client,
  taskQueue,
}: {
  client: Client;
  taskQueue: string;
}) {
  const tell = async (update: string, tag: string, command: Command): Promise<Answer> => {
    const { key, hash } = command.asked;
    const options = { updateId: updateId(update, key, hash), args: [command] as [Command] };
    const handle = client.workflow.getHandle(tagWorkflowId(tag));
    try {
      await client.withDeadline(Date.now() + PATIENCE_MS, () =>
        handle.executeUpdate<LedgerEntry, [Command]>(update, options),
      );
      return { is: 'done' };
    } catch (error) {
      return answerOf(error);
    }
  };

  /**
   * A tag that says twice that it is so already is right. Said once, an earlier call that had not reached it may have come in
   * by the same workflow task, and only then be carried out.
   */
  const tellTwice = async (update: string, tag: string, command: Command): Promise<Answer> => {
    const first = await tell(update, tag, command);
    return first.is === 'already' ? tell(update, tag, command) : first;
  };

  const freeze = async (tag: string, command: FreezeCommand): Promise<boolean> => {
    const answer = await tellTwice('freeze', tag, command);
    if (answer.is !== 'already') return answer.is === 'done';
    if (answer.until === (command.until ?? null)) return true;
    // It still holds an older freeze, whose end it did not hear of.
    const { asked, scope } = command;
    const lifted = await tell('unfreeze', tag, { asked, scope });
    const again = { ...command, asked: { ...asked, key: `${asked.key}:again` } };
    return lifted.is === 'done' && (await tell('freeze', tag, again)).is === 'done';
  };

  const thaw = async (tag: string, command: UnfreezeCommand): Promise<boolean> =>
    (await tellTwice('unfreeze', tag, command)).is !== 'silent';

  return {
    /** The tags that are frozen now. Never with a start: a tag that is gone needs no freeze. */
    pushFreeze: (tags: string[], command: FreezeCommand): Promise<string[]> =>
      acknowledging(tags, (tag) => freeze(tag, command)),
    /** The tags that the platform's freeze holds no more. */
    pushThaw: (tags: string[], command: UnfreezeCommand): Promise<string[]> =>
      acknowledging(tags, (tag) => thaw(tag, command)),

    /** Makes a tag known to the platform, whose workflow begins with the first one. */
    registerTag(command: RegisterCommand): Promise<Registration> {
      const { key, hash } = command.asked;
      const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.platform, {
        workflowId: platformWorkflowId,
        taskQueue,
        args: [{}],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: 'every tag: the freeze of all, and their directory',
      });
      const options = {
        updateId: updateId('register', key, hash),
        args: [command],
        startWorkflowOperation,
      };
      return client.withDeadline(Date.now() + REGISTER_MS, () =>
        client.workflow.executeUpdateWithStart('register', options),
      );
    },
  };
}

type Command = FreezeCommand | UnfreezeCommand;
type Answer = { is: 'done' | 'silent' } | { is: 'already'; until: string | null };

/** A refusal says that there is nothing to do: the tag is frozen, or not frozen, already. Anything else is tried again. */
function answerOf(error: unknown): Answer {
  if (error instanceof WorkflowNotFoundError) return { is: 'done' };
  const said = applicationFailure(error);
  const { until = null } = (said?.details?.[0] ?? {}) as { until?: string | null };
  if (said?.type === 'Frozen') return { is: 'already', until };
  return said?.type === 'InvalidRequest' ? { is: 'already', until: null } : { is: 'silent' };
}

/** The tags that said so; in turn, some at once. */
async function acknowledging(
  tags: readonly string[],
  told: (tag: string) => Promise<boolean>,
): Promise<string[]> {
  const waiting = [...tags];
  const acknowledged: string[] = [];
  const work = async (): Promise<void> => {
    for (let tag = waiting.shift(); tag !== undefined; tag = waiting.shift())
      if (await told(tag)) acknowledged.push(tag);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return acknowledged;
}
