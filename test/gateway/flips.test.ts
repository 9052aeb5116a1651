import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBed, type Bed } from './support/bed.js';
import { targetOf } from './support/client.js';

const FLIPS = 200;
const CALLERS = 8;

describe('route flips under load', () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await makeBed();
  });
  afterAll(() => bed.dispose());

  it(`${String(FLIPS)} of them fail no request, and none that begins after an acknowledgement is answered by the old model (I7, F28)`, async () => {
    const specs = [
      await bed.model(1),
      await bed.model(2, { delayMs: 2 }),
      await bed.model(3),
    ] as const;
    for (const spec of specs) await bed.client.startHost(spec);
    // Fences and models go hand in hand, so an answer's model tells which acknowledged writes it may be older than.
    const routeOf = (fence: number) => ({
      live: targetOf(specs[fence % specs.length] ?? specs[0]),
    });
    await bed.client.route('flipped', 1, routeOf(1));
    let [requested, acknowledged] = [1, 1];
    const counts = { answered: 0, failed: 0, wrong: 0, unacknowledged: 0 };

    const call = async (): Promise<void> => {
      while (acknowledged < FLIPS) {
        const acknowledgedBefore = acknowledged;
        const { status, body } = await bed.client.score('flipped');
        counts.answered += 1;
        if (status !== 200) counts.failed += 1;
        const allowed = range(acknowledgedBefore, requested).map(
          (fence) => routeOf(fence).live.modelId,
        );
        if (!allowed.includes(body['modelId'] as string)) counts.wrong += 1;
        if (body['modelId'] !== `flights/${String((body['predictions'] as number[])[0])}`)
          counts.wrong += 1;
      }
    };
    const flip = async (): Promise<void> => {
      for (let fence = 2; fence <= FLIPS; fence += 1) {
        requested = fence;
        const { status } = await bed.client.route('flipped', fence, routeOf(fence));
        if (status !== 200) counts.unacknowledged += 1;
        acknowledged = fence;
        await bed.client.score('flipped').then(({ body }) => {
          if (body['modelId'] !== routeOf(fence).live.modelId) counts.wrong += 1;
        });
      }
    };
    await Promise.all([flip(), ...Array.from({ length: CALLERS }, call)]);
    expect(counts).toEqual({ answered: counts.answered, failed: 0, wrong: 0, unacknowledged: 0 });
    expect(counts.answered).toBeGreaterThan(FLIPS);
  });

  it('a host retired after the flip still answers what it had begun', async () => {
    const [slow, next] = [await bed.model(5, { delayMs: 400 }), await bed.model(6)];
    for (const spec of [slow, next]) await bed.client.startHost(spec);
    await bed.client.route('drained', 1, { live: targetOf(slow) });
    const begun = Array.from({ length: 5 }, () => bed.client.score('drained'));
    await bed.client.route('drained', 2, { live: targetOf(next) });
    const [retired, ...answers] = await Promise.all([
      bed.client.admin('DELETE', `/hosts/${slow.name}`),
      ...begun,
    ]);
    expect(retired.status).toBe(204);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await bed.client.score('drained')).body['modelId']).toBe('flights/6');
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
