import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit, type QueueEntry } from '../../../../activities/compute/process/admission.js';

const SLOTS = { cpu: 4, memoryMiB: 8192, gpu: 2 };

const demand = fc.record({
  cpu: fc.constantFrom(0.1, 0.5, 1, 2, 4),
  memoryMiB: fc.integer({ min: 1, max: 8192 }),
  gpu: fc.integer({ min: 0, max: 2 }),
});
const jobs = fc.array(fc.record({ createdAtMs: fc.integer({ min: 0, max: 5 }), demand }), {
  minLength: 1,
  maxLength: 12,
});

describe('admit', () => {
  it('never hands out more than the slots, nor a gpu twice, and serves in order', () => {
    fc.assert(
      fc.property(jobs, fc.infiniteStream(fc.nat()), (specs, choices) => {
        let queue: QueueEntry[] = specs.map((spec, index) => ({
          ...spec,
          uid: `job-${String(index).padStart(2, '0')}`,
          gpus: null,
        }));
        const served: QueueEntry[] = [];
        while (queue.length > 0) {
          queue = admitAll(queue, served);
          const holding = queue.filter(({ gpus }) => gpus !== null);
          expect(holding.length).toBeGreaterThan(0);
          expectWithinSlots(holding);
          const leaves = holding[(choices.next().value ?? 0) % holding.length];
          queue = queue.filter((entry) => entry !== leaves);
        }
        const order = served.map(({ createdAtMs, uid }) => `${String(createdAtMs)} ${uid}`);
        expect(order).toEqual([...order].sort());
      }),
    );
  });

  it('lets a job that holds its slots keep them when it asks again', () => {
    const mine: QueueEntry = {
      uid: 'a',
      createdAtMs: 1,
      demand: { cpu: 4, memoryMiB: 1, gpu: 1 },
      gpus: [1],
    };
    expect(admit('a', [mine], SLOTS)).toEqual({ admitted: true, gpus: [1] });
  });

  it('counts fractions of a cpu as a person would', () => {
    const part = (uid: string, gpus: number[] | null): QueueEntry => ({
      uid,
      createdAtMs: 1,
      demand: { cpu: 0.1, memoryMiB: 1, gpu: 0 },
      gpus,
    });
    const entries = [part('a', []), part('b', []), part('c', null)];
    expect(admit('c', entries, { ...SLOTS, cpu: 0.3 })).toEqual({ admitted: true, gpus: [] });
  });
});

/** Asks for every waiting job, youngest first, until no one gets on. */
function admitAll(queue: QueueEntry[], served: QueueEntry[]): QueueEntry[] {
  for (const asking of [...queue].reverse()) {
    const answer = admit(asking.uid, queue, SLOTS);
    if (!answer.admitted || asking.gpus !== null) continue;
    served.push(asking);
    return admitAll(
      queue.map((entry) => (entry === asking ? { ...entry, gpus: answer.gpus } : entry)),
      served,
    );
  }
  return queue;
}

function expectWithinSlots(holding: QueueEntry[]): void {
  for (const field of ['cpu', 'memoryMiB', 'gpu'] as const) {
    expect(holding.reduce((sum, entry) => sum + entry.demand[field], 0)).toBeLessThanOrEqual(
      SLOTS[field] + 1e-9,
    );
  }
  const gpus = holding.flatMap((entry) => entry.gpus ?? []);
  expect(new Set(gpus).size).toBe(gpus.length);
}
