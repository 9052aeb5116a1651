import { setTimeout as delay } from 'node:timers/promises';

const ATTEMPTS = 2_000;

/** Resolves when it is so; rejects when it is not after about ten seconds. */
export async function eventually(is: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (is()) return;
    await delay(5);
  }
  throw new Error(`expected it to happen within 10 s: ${is.toString()}`);
}
