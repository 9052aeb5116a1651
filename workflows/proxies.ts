import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ApprovalActivities } from '../activities/approvals/activities.js';
import type { ComputeActivities } from '../activities/compute/activities.js';
import type { HostingActivities } from '../activities/hosting/activities.js';
import type { PoolActivities } from '../activities/pools/activities.js';
import type { PredictionActivities } from '../activities/predictions/activities.js';
import type { ReconcileActivities } from '../activities/reconcile/activities.js';
import type { RegistryActivities } from '../activities/registry/activities.js';
import type { RoutingActivities } from '../activities/routing/activities.js';
import type { ScheduleActivities } from '../activities/schedules/activities.js';
import type { TagActivities } from '../activities/tags/activities.js';
import type { WindowActivities } from '../activities/windows/activities.js';
import type { MonitoringActivities } from '../activities/monitoring/activities.js';

// Retryability is the failure's own (temporal/errors.ts); a policy here only paces the tries.
const QUICK = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** The worker beats by itself while an activity runs: what a dead one held is taken over after this. */
const TAKEN_OVER_AFTER = '8s';

/** A local activity's longer pauses are timers: while it waits within its workflow task, its worker cannot stop. */
const WITHIN_TASK = '1s';

/** Reads of the platform's own state: part of the workflow task, so that they cost neither events nor actions. */
export const reads = proxyLocalActivities<TagActivities & RegistryActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '5m',
  localRetryThreshold: WITHIN_TASK,
  retry: QUICK,
});

/**
 * What the worker knows and a workflow may not: keys, time zones. Not local, though that would be cheaper: the end of a local
 * activity may be told to the workflow one task after the one that records it, and a replay tells it in that one, at an earlier
 * time. A tag would go on with another ledger than the one that was journaled.
 */
export const authority = proxyActivities<ApprovalActivities & WindowActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '60s',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

/** The same for runs that keep no state of their own. */
export const settings = proxyLocalActivities<ApprovalActivities & ReconcileActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '60s',
  localRetryThreshold: WITHIN_TASK,
  retry: QUICK,
});

/** Whether jobs could be run now. What is not in order is an answer, so only a worker that died is a reason to ask again. */
export const examination = proxyActivities<ComputeActivities>({
  startToCloseTimeout: '20s',
  scheduleToCloseTimeout: '25s',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

/** What the callers got and what the registry holds of a live model; a look that fails for a while is no data. */
export const monitoring = proxyActivities<MonitoringActivities & RegistryActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '2m',
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

/** What a shadow window left behind. A long window's log takes minutes to read; a worker that dies over it is found by its silence. */
export const evidence = proxyActivities<PredictionActivities>({
  startToCloseTimeout: '15m',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: { ...QUICK, maximumInterval: '30s' },
});

/** Looks at what the stores hold. Whoever sweeps comes again, so nobody waits long. */
export const looks = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '3m',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
  retry: QUICK,
});

/** What a sweep puts right; what cannot be put right now is found again by the next one. */
export const repairs = proxyActivities<ReconcileActivities & HostingActivities & TagActivities>({
  startToCloseTimeout: '90s',
  scheduleToCloseTimeout: '2m',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'TRY_CANCEL',
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

/** Slots of a pool. Waited for like a tag's commands: what was booked must be freed. */
export const slots = proxyActivities<PoolActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1h',
  heartbeatTimeout: TAKEN_OVER_AFTER,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: QUICK,
});

/** Between a tag and the platform. One try each and waited for, like the outbox: the lanes pace their tries. */
export const pushes = proxyActivities<TagActivities>({
  startToCloseTimeout: '60s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { maximumAttempts: 1 },
});

/** Waited for at the end of a page, like the outbox. */
export const schedules = proxyActivities<ScheduleActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '60s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: QUICK,
});
