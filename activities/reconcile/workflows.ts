import { QueryNotRegisteredError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RegisteredTag } from '../../temporal/contracts/platform.js';
import type { Observation } from '../../temporal/contracts/reconcile.js';
import { platformWorkflowId, tagWorkflowId } from '../../temporal/ids.js';

const PAGE = 1_000;

/** Also one that the namespace has forgotten: only closed ones are. */
export async function isClosed(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return !isOpen(status.name);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}

/** The tags that registered themselves; empty before the first one did. */
export async function registeredTags(client: Client): Promise<string[]> {
  const platform = client.workflow.getHandle(platformWorkflowId);
  const tags: string[] = [];
  try {
    for (;;) {
      const after = tags.at(-1);
      const page = await platform.query<RegisteredTag[], [{ after?: string; limit: number }]>(
        'platformTags',
        { limit: PAGE, ...(after !== undefined && { after }) },
      );
      tags.push(...page.map(({ tag }) => tag));
      if (page.length < PAGE) return tags;
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError)
      return tags;
    throw error;
  }
}

/** Whether the tag has a workflow, and which run holds its lease. One that was terminated answers queries, but keeps no promise. */
export async function lookUp(
  client: Client,
  tag: string,
): Promise<'absent' | 'closed' | { holder: string | null }> {
  const handle = client.workflow.getHandle(tagWorkflowId(tag));
  try {
    if (!isOpen((await handle.describe()).status.name)) return 'closed';
    const { rollout } = await handle.query<{ rollout: { workflowId: string } | null }>('status');
    return { holder: rollout?.workflowId ?? null };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'absent';
    throw error;
  }
}

const isOpen = (status: string): boolean => status === 'RUNNING' || status === 'PAUSED';

/** What the tag finds in an observation of it. */
export function differencesOf(
  client: Client,
  tag: string,
  asked: { seen: Observation; adopt: boolean },
): Promise<{ kind: string; what: string }[]> {
  return client.workflow
    .getHandle(tagWorkflowId(tag))
    .query<{ kind: string; what: string }[], [typeof asked]>('differences', asked);
}
