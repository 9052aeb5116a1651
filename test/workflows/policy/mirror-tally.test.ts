import { describe, expect, it } from 'vitest';
import type { MirrorFigures } from '../../../temporal/contracts/predictions.js';
import { added, NO_REQUESTS, requestsBetween } from '../../../workflows/policy/mirror-tally.js';

const counting = (mirrored: number, epoch = 'first', candidate = 't/2'): MirrorFigures => ({
  ...{ tag: 't', epoch, at: '2026-01-01T00:00:00.000Z', log: { written: 0, lost: 0 } },
  candidates: {
    [candidate]: { eligible: mirrored + 3, unsampled: 0, mirrored, dropped: 2, failed: 1 },
  },
});
const over = (readings: (MirrorFigures | null)[]) =>
  readings
    .slice(1)
    .flatMap((now, index) =>
      now === null ? [] : [requestsBetween(readings[index] ?? null, now, 't/2')],
    )
    .reduce(added, NO_REQUESTS);

describe('what a mirror counted', () => {
  it.each([
    ['is what came after the first reading', [counting(5), counting(9)], 4],
    ['is all of it without a first reading', [null, counting(9)], 9],
    ['is none of another candidate', [counting(5), counting(9, 'first', 't/3')], 0],
    ['U3 counts on in a gateway that began anew', [counting(5), counting(9), counting(3, 'b')], 7],
    ['U3 counts on after that', [counting(5), counting(3, 'b'), counting(8, 'b')], 8],
  ] as const)('%s', (_, readings, mirrored) => {
    expect(over([...readings]).mirrored).toBe(mirrored);
  });

  it('keeps what became of the copies apart', () => {
    expect(requestsBetween(null, counting(4), 't/2')).toEqual({
      ...{ eligible: 7, mirrored: 4, dropped: 2, failed: 1 },
    });
  });
});
