import { setImmediate as nextTurn } from 'node:timers/promises';

/** Between two turns in which requests are answered. */
const SLICE_MS = 2;

/** Lets requests be answered between the pieces of a longer work. */
export class Slice {
  #beganAt = performance.now();

  async pause(): Promise<void> {
    if (performance.now() - this.#beganAt < SLICE_MS) return;
    await nextTurn();
    this.#beganAt = performance.now();
  }
}
