import type { Client } from '@temporalio/client';

export interface Cost {
  events: number;
  bytes: number;
  /** Billable on Temporal Cloud. */
  actions: number;
  activities: { local: number; remote: number };
}

type Events = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>;

/** What a run cost, by its history. Questions to it, and the tag's own share, are not in it. */
export async function costOf(client: Client, workflowId: string): Promise<Cost> {
  const handle = client.workflow.getHandle(workflowId);
  const [history, described] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const events = history.events ?? [];
  const remote = events.filter((event) => event.activityTaskScheduledEventAttributes).length;
  return {
    events: events.length,
    bytes: described.historySize ?? 0,
    actions: actionsOf(events),
    activities: { local: localActivities(events).length, remote },
  };
}

function localActivities(events: Events): Events {
  return events.filter(
    ({ markerRecordedEventAttributes: marker }) => marker?.markerName === 'core_local_activity',
  );
}

/** A child's start counts twice, in its parent; local activities of one workflow task count once together. */
function actionsOf(events: Events): number {
  const tasksWithLocal = new Set(
    localActivities(events).map(({ markerRecordedEventAttributes: marker }) =>
      String(marker?.workflowTaskCompletedEventId),
    ),
  );
  return events.reduce((sum, event) => sum + actionsOfOne(event), tasksWithLocal.size);
}

function actionsOfOne(event: Events[number]): number {
  if (event.workflowExecutionStartedEventAttributes)
    return event.workflowExecutionStartedEventAttributes.parentWorkflowExecution ? 0 : 1;
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return 2;
  if (event.activityTaskStartedEventAttributes)
    return event.activityTaskStartedEventAttributes.attempt ?? 1;
  const counts =
    event.timerStartedEventAttributes ??
    event.signalExternalWorkflowExecutionInitiatedEventAttributes ??
    event.workflowExecutionUpdateAcceptedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes;
  return counts ? 1 : 0;
}
