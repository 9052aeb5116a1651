import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../../temporal/errors.js';
import type { Api, Named } from './api.js';
import { readEnd } from './end.js';
import { terminalCondition } from './outcome.js';
import { isLost, isOver, podsOfJob } from './pods.js';

/** Within an activity's minute, and longer than a pod's grace. */
const LIMIT_MS = 50_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Deletes a Job that goes on, and returns when the apiserver has neither it nor its pods. One that has ended stays as it is.
 * `uid` undefined means whatever Job has the name.
 */
export async function cancelJob(
  api: Api,
  job: Named,
  { uid, lostAfterMs }: { uid: string | undefined; lostAfterMs: number },
): Promise<void> {
  const until = performance.now() + LIMIT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const found = await api.read(job);
    const { uid: its, resourceVersion, deletionTimestamp } = found?.metadata ?? {};
    if (found === undefined || its === undefined || (uid !== undefined && its !== uid)) return;
    if (terminalCondition(found) !== undefined || readEnd(found) !== undefined) return;
    // The version too: between the look and the deletion the Job may have ended, and its result must stay.
    if (deletionTimestamp === undefined && resourceVersion !== undefined)
      await api.delete(job, { uid: its, resourceVersion });
    // Nobody can end what a lost node keeps; whoever waited for it would wait for the node's repair.
    else if (await isKeptByLostNodes(api, job, { uid: its, lostAfterMs })) return;
    if (performance.now() >= until) throw notGone(job);
    await sleep(pauseMs);
  }
}

async function isKeptByLostNodes(
  api: Api,
  job: Named,
  { uid, lostAfterMs }: { uid: string; lostAfterMs: number },
): Promise<boolean> {
  const left = podsOfJob(await api.podsOf(job), uid).filter((pod) => !isOver(pod));
  return left.length > 0 && left.every((pod) => isLost(pod, { nowMs: Date.now(), lostAfterMs }));
}

function notGone({ namespace, name }: Named): Error {
  return failure(
    'ComputeUnavailable',
    `job ${name} is deleted and still has a pod in namespace ${namespace}; its node may be lost: \`kubectl get pods -n ${namespace} -l job-name=${name} -o wide\``,
  );
}
