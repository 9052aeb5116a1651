import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { NothingActivities } from './nothing.ts';

const { nothing } = proxyActivities<NothingActivities>({ startToCloseTimeout: '60s' });
const { nothing: nothingLocally } = proxyLocalActivities<NothingActivities>({
  startToCloseTimeout: '60s',
});

/** What one would write by hand: steps that do nothing, one after the other. */
export async function handWritten({ local, remote }: { local: number; remote: number }) {
  for (let step = 0; step < local; step += 1) await nothingLocally();
  for (let step = 0; step < remote; step += 1) await nothing();
}
