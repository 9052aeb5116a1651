import { heartbeat } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { beatWhileRunning } from '../../workers/alive.js';

/** The details of all beats of an activity that goes on until there were `count` of them. */
async function beatsOf(
  activity: () => unknown,
  info: { heartbeatTimeoutMs?: number; heartbeatDetails?: unknown },
  count: number,
): Promise<unknown[]> {
  const environment = new MockActivityEnvironment(info, { interceptors: [beatWhileRunning] });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  await environment.run(async () => {
    await activity();
    while (beats.length < count) await sleep(1);
  });
  return beats;
}

const silent = () => undefined;

describe('a worker beats for an activity', () => {
  it('with what the activity said last, which a beat without details would wipe out (F1)', async () => {
    const says = () => {
      for (const uid of ['a', 'b']) heartbeat({ uid });
    };
    expect(await beatsOf(says, { heartbeatTimeoutMs: 6 }, 4)).toEqual([
      { uid: 'a' },
      { uid: 'b' },
      { uid: 'b' },
      { uid: 'b' },
    ]);
  });

  it('with what an earlier try of it said, until it says something itself (F1)', async () => {
    const earlier = { heartbeatTimeoutMs: 6, heartbeatDetails: { uid: 'a' } };
    expect(await beatsOf(silent, earlier, 2)).toEqual([{ uid: 'a' }, { uid: 'a' }]);
  });

  it('without details when nobody said any', async () => {
    expect(await beatsOf(silent, { heartbeatTimeoutMs: 6 }, 2)).toEqual([undefined, undefined]);
  });

  it('only when it has a time to beat in', async () => {
    expect(await beatsOf(() => sleep(20), {}, 0)).toEqual([]);
  });
});
