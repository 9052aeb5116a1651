import { expect, vi } from 'vitest';
import { hostsOf, openJobs, runsOf, versionsOf } from './left-behind.js';
import { FLIGHT, type Connected } from './platform.js';

/**
 * What a failed run must leave as it was: the live model answers, and there is no job, no host, no open record and no
 * version beyond those `expected`.
 */
export async function expectUnharmed(
  on: Connected,
  tag: string,
  expected: { live: string; versions: number },
): Promise<void> {
  expect(await openJobs(tag)).toEqual([]);
  expect(await hostsOf(on.stack, tag)).toEqual([expected.live]);
  const statuses = (await runsOf(on.stack, tag)).map(({ info }) => info.status);
  expect(statuses).not.toContain('RUNNING');
  expect(statuses.at(-1)).toBe('FAILED');
  expect(await versionsOf(on.stack, tag)).toHaveLength(expected.versions);
  // The run tells its tag with its last word, which may still be on its way.
  await vi.waitFor(async () => {
    expect(await on.platform.status(tag)).toMatchObject({
      live: expected.live,
      rollout: null,
      lastRun: { decision: null },
    });
  });
  expect((await on.platform.score(tag, FLIGHT)).modelId).toBe(expected.live);
}
