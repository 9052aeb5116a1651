import type { MirrorFigures } from '../../temporal/contracts/predictions.js';
import type { Log } from '../log.js';

export type LogCounts = MirrorFigures['log'];

const SAID_EVERY_MS = 60_000;

/** Records written and lost, by tag, since this process began. Losses are said in the gateway's log, once a minute at most. */
export class PredictionCounts {
  readonly #tags = new Map<string, LogCounts>();
  readonly #log: Log;
  #saidAtMs = -Infinity;
  #unsaid = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  written(tag: string, records: number): void {
    this.#countsOf(tag).written += records;
  }

  lost(tag: string, records: number, problem: string): void {
    this.#countsOf(tag).lost += records;
    this.#unsaid += records;
    const nowMs = performance.now();
    if (nowMs - this.#saidAtMs < SAID_EVERY_MS) return;
    this.#log('predictions-lost', { records: this.#unsaid, problem });
    this.#saidAtMs = nowMs;
    this.#unsaid = 0;
  }

  of(tag: string): LogCounts {
    return { written: 0, lost: 0, ...this.#tags.get(tag) };
  }

  *all(): Generator<{ tag: string; counts: LogCounts }> {
    for (const [tag, counts] of this.#tags) yield { tag, counts };
  }

  #countsOf(tag: string): LogCounts {
    const known = this.#tags.get(tag);
    if (known) return known;
    const counts = { written: 0, lost: 0 };
    this.#tags.set(tag, counts);
    return counts;
  }
}
