import { CancellationScope } from '@temporalio/workflow';
import type { RunOpening } from '../activities/registry/port.js';
import type { RegistryRun } from './documents.js';
import { records } from './proxies.js';

/** The record of a run. Waited for also by a run that is cancelled: what was opened must be closed. */
export const opened = (opening: RunOpening): Promise<RegistryRun> =>
  CancellationScope.nonCancellable(() => records.openRun(opening));
