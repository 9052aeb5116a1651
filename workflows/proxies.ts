import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ComputeActivities } from '../activities/compute/activities.js';
import type { HostingActivities } from '../activities/hosting/activities.js';
import type { RegistryActivities } from '../activities/registry/activities.js';
import type { RoutingActivities } from '../activities/routing/activities.js';
import type { ScheduleActivities } from '../activities/schedules/activities.js';
import type { TagActivities } from '../activities/tags/activities.js';

// Retryability is the failure's own (temporal/errors.ts); a policy here only paces the tries.
const QUICK = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** The worker beats by itself while an activity runs: what a dead one held is taken over after this. */
const TAKEN_OVER_AFTER = '8s';

/** Reads of the platform's own state: part of the workflow task, so that they cost neither events nor actions. */
export const reads = proxyLocalActivities<TagActivities & RegistryActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '5m',
  retry: QUICK,
});

export const records = proxyActivities<RegistryActivities>({
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '24h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: { ...QUICK, maximumInterval: '60s' },
});

/** Closing words of a run that failed or was cancelled: nobody waits a day for them. */
export const closing = proxyActivities<RegistryActivities>({
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '2h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: { ...QUICK, maximumInterval: '60s' },
});

/**
 * One try each: the outbox paces its own tries, so that a parked lane is visible. Only the end of a tag's page cancels one,
 * and the page waits for it: a write that is left behind would come after those of the next page.
 */
export const outbox = proxyActivities<RegistryActivities>({
  startToCloseTimeout: '15s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { maximumAttempts: 1 },
});

/** An attempt looks at its job for some seconds; the heartbeat tells a dead worker from a long look. */
export const jobs = (options: { until: number; summary: string }) =>
  proxyActivities<ComputeActivities>({
    startToCloseTimeout: '60s',
    scheduleToCloseTimeout: options.until,
    heartbeatTimeout: '5s',
    // A try that is under way may be creating the job: it is waited for, so that cancelJob finds what it made.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary: options.summary,
    retry: { ...QUICK, maximumInterval: '30s' },
  });

export const jobControl = proxyActivities<ComputeActivities>({
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

export const hosts = proxyActivities<HostingActivities>({
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '15m',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

/** A rollout's write gives up in time to abort; a way back does not give up within the hour. */
export const traffic = (giveUp: '60s' | '1h') =>
  proxyActivities<RoutingActivities>({
    // Longer than the gateway's client waits, so that the failure says what it waited for.
    startToCloseTimeout: '15s',
    scheduleToCloseTimeout: giveUp,
    cancellationType: 'TRY_CANCEL',
    retry: { ...QUICK, maximumInterval: '1s' },
  });

/** A command that is under way is waited for, also by a run that is cancelled: what it was granted, it must give back. */
export const tags = proxyActivities<TagActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: QUICK,
});

/** Waited for at the end of a page, like the outbox. */
export const schedules = proxyActivities<ScheduleActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '60s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: QUICK,
});
