import { restartDelayMs } from './restarts.js';

/** Failed loads of one model in a row, and when the next one is due: as far apart as the restarts of a server that dies. */
export class LoadAttempts {
  #failed = 0;
  #dueAt = 0;

  get due(): boolean {
    return performance.now() >= this.#dueAt;
  }

  failed(): void {
    this.#failed += 1;
    this.#dueAt = performance.now() + restartDelayMs(this.#failed);
  }

  succeeded(): void {
    this.#failed = 0;
    this.#dueAt = 0;
  }
}
