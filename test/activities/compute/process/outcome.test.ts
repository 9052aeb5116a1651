import { describe, expect, it } from 'vitest';
import { outcomeOf, type Remains } from '../../../../activities/compute/process/outcome.js';
import {
  type Ending,
  Ending as Endings,
  type ExitRecord,
} from '../../../../activities/compute/process/records.js';

const RESULT = { value: { rows: 3 } };
const NONE = { problem: 'none' };

function remains(exit: Partial<ExitRecord>, rest: Partial<Remains> = {}): Remains {
  return {
    name: 'job',
    exit: {
      schema: 1,
      ending: 'exited',
      exitCode: 0,
      signal: null,
      oomKillSeen: null,
      message: '',
      startedAtMs: 0,
      finishedAtMs: 1500,
      ...exit,
    },
    result: NONE,
    failure: undefined,
    logTail: '',
    ...rest,
  };
}

function causeOf(exit: Partial<ExitRecord>, rest: Partial<Remains> = {}): string {
  const seen = outcomeOf(remains(exit, rest));
  return seen.phase === 'failed' ? seen.failure.cause : seen.phase;
}

describe('outcomeOf', () => {
  it.each([
    [0, 'bad-result'],
    [1, 'crashed'],
    [2, 'crashed'],
    [63, 'crashed'],
    [64, 'user-error'],
    [74, 'user-error'],
    [75, 'temporary'],
    [76, 'integrity'],
    [77, 'user-error'],
    [79, 'user-error'],
    [80, 'crashed'],
    [126, 'start-failed'],
    [127, 'start-failed'],
    [137, 'out-of-memory'],
    [143, 'interrupted'],
    [255, 'crashed'],
  ])('takes exit code %i without a result for %s', (exitCode, cause) => {
    expect(causeOf({ exitCode })).toBe(cause);
  });

  it.each([
    ['SIGTERM', null, 'interrupted'],
    ['SIGSEGV', null, 'crashed'],
    ['SIGKILL', null, 'out-of-memory'],
    ['SIGKILL', true, 'out-of-memory'],
    ['SIGKILL', false, 'interrupted'],
  ])('takes %s with an out-of-memory kill seen: %s for %s', (signal, oomKillSeen, cause) => {
    expect(causeOf({ exitCode: null, signal, oomKillSeen })).toBe(cause);
  });

  it('never takes a result beside a failed exit for success (F21)', () => {
    expect(causeOf({ exitCode: 70 }, { result: RESULT })).toBe('user-error');
    for (const ending of Endings.options.filter((each) => each !== 'disrupted')) {
      expect(causeOf({ ending, exitCode: 143 }, { result: RESULT })).not.toBe('succeeded');
    }
  });

  it('takes a result for success when the end itself was not observed', () => {
    expect(causeOf({ ending: 'disrupted', exitCode: null }, { result: RESULT })).toBe('succeeded');
  });

  it('takes a result for success when the job ended well though it was asked to stop', () => {
    expect(causeOf({ ending: 'deadline', exitCode: 0 }, { result: RESULT })).toBe('succeeded');
    expect(causeOf({ ending: 'deadline', exitCode: 0 })).toBe('deadline');
  });

  it("gives the supervisor's reason and the job's traceback when the supervisor ended it", () => {
    const failure = { type: 'Interrupted', message: 'asked to stop', traceback: 'where it was' };
    const seen = outcomeOf(
      remains({ ending: 'deadline', exitCode: 143, message: 'not done after 60 s' }, { failure }),
    );
    expect(seen).toMatchObject({
      failure: {
        cause: 'deadline',
        type: 'Deadline',
        message: 'job job was ended (deadline): not done after 60 s',
        traceback: 'where it was',
      },
    });
  });

  it('bounds what goes into a history (F23)', () => {
    const failure = { type: 'E', message: 'm'.repeat(5000), traceback: 't'.repeat(50_000) };
    const seen = outcomeOf(remains({ exitCode: 70 }, { failure }));
    if (seen.phase !== 'failed') throw new Error('expected a failure');
    expect(seen.failure.message).toHaveLength(2000);
    expect(seen.failure.traceback).toHaveLength(16_000);
  });

  it.each<Ending>(Endings.options)('has a cause and a sentence for the ending %s', (ending) => {
    const seen = outcomeOf(remains({ ending, exitCode: 1, message: 'why' }));
    expect(seen).toMatchObject({
      phase: 'failed',
      failure: { message: expect.stringMatching(/^job job /) as string },
    });
  });
});
