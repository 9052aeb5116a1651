import type { Client } from '@temporalio/client';

/** One event of a history as the client hands it out, as far as the counting needs it. */
type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

export interface Spent {
  events: number;
  /** As the server counts a history against its limit. */
  bytes: number;
  actions: number;
  /** Tries of activities after the first, each one more action: they grow with the time that a job or a host takes. */
  retries: number;
}

/**
 * What a workflow cost, read from its history by Temporal Cloud's price list: one action for its start, for each
 * activity, timer, signal, accepted update and write of search attributes, and for all local activities of one workflow
 * task together; two for a child. A heartbeat leaves no event, so it is not in this number.
 */
export async function spentBy(client: Client, workflowId: string): Promise<Spent> {
  const handle = client.workflow.getHandle(workflowId);
  const { raw } = await handle.describe();
  const { events = [] } = await handle.fetchHistory();
  return {
    events: (events ?? []).length,
    bytes: Number(raw.workflowExecutionInfo?.historySizeBytes),
    actions: actionsOf(events ?? []),
    retries: (events ?? []).reduce((sum, event) => sum + retriesOf(event), 0),
  };
}

export function actionsOf(events: readonly HistoryEvent[]): number {
  const tasksWithLocalActivities = new Set(
    events.flatMap(({ markerRecordedEventAttributes: marker }) =>
      marker?.markerName === 'core_local_activity'
        ? [String(marker.workflowTaskCompletedEventId)]
        : [],
    ),
  );
  return events.reduce((sum, event) => sum + priceOf(event), tasksWithLocalActivities.size);
}

const retriesOf = ({ activityTaskStartedEventAttributes: started }: HistoryEvent): number =>
  Math.max(0, (started?.attempt ?? 1) - 1);

function priceOf(event: HistoryEvent): number {
  // A child's start is in its parent's two.
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) return started.parentWorkflowExecution ? 0 : 1;
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return 2;
  const single =
    event.activityTaskScheduledEventAttributes ??
    event.timerStartedEventAttributes ??
    event.signalExternalWorkflowExecutionInitiatedEventAttributes ??
    event.workflowExecutionUpdateAcceptedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes;
  return single ? 1 : 0;
}
