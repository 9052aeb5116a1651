import { describe, expect, it } from 'vitest';
import { Lock } from '../../../workflows/tag/lock.js';

const scopeless = {
  run: <Result>(work: () => Promise<Result>) => work(),
  cancel: () => undefined,
};

/** Who was at work in which order, when the urgent one came so many microtasks after the first let go. */
async function orderWith(microtasks: number): Promise<string[]> {
  const order: string[] = [];
  const at = (name: string) => (): Promise<void> => {
    order.push(name);
    return Promise.resolve();
  };
  const lock = new Lock(() => scopeless);
  let letGo = (): void => undefined;
  const first = lock.run(() => new Promise<void>((resolve) => (letGo = resolve)));
  await Promise.resolve();
  const soft = ['soft', 'next'].map((name) => lock.run(at(name)));
  letGo();
  for (let passed = 0; passed < microtasks; passed += 1) await Promise.resolve();
  order.push('comes');
  const urgent = lock.runUrgent(at('urgent'));
  await Promise.all([first, urgent, ...soft]);
  return order;
}

describe('the lock of a tag', () => {
  it.each(Array.from({ length: 12 }, (_, microtasks) => microtasks))(
    'I7 lets nobody in between the coming of a rollback and its turn, %i microtasks after it was free',
    async (microtasks) => {
      const order = await orderWith(microtasks);
      expect(order).toHaveLength(4);
      expect(order[order.indexOf('comes') + 1]).toBe('urgent');
    },
  );

  it('I7 is free again when a work has failed', async () => {
    const lock = new Lock(() => scopeless);
    await expect(lock.runUrgent(() => Promise.reject(new Error('it failed')))).rejects.toThrow(
      'it failed',
    );
    await expect(lock.run(() => Promise.resolve('in'))).resolves.toBe('in');
  });
});
