import { setMaxListeners } from 'node:events';
import type { Serving } from '../hosts/serving.js';
import { exchange, ExchangeError } from '../scoring/exchange.js';
import { isModelsFault } from '../scoring/errors.js';
import { Breaker, type Attempt } from './breaker.js';
import { ByteBudget } from './byte-budget.js';
import { Connections } from './connections.js';
import { dropped, failed, outcomeOf, type Copy, type CopyOutcome } from './copy.js';
import type { MirrorSettings } from './settings.js';

export interface LaneParts {
  /** The candidate's server of this moment; undefined while it has none. */
  serving: () => Serving | undefined;
  settings: MirrorSettings;
  /** Of all lanes. */
  bytes: ByteBudget;
}

interface Waiting extends Copy {
  sinceMs: number;
  settle: (outcome: CopyOutcome) => void;
}

/** Copies on their way to one candidate: so many at once, so many waiting, and what goes beyond is dropped. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #bytes: ByteBudget;
  readonly #breaker: Breaker;
  readonly #connections: Connections;
  readonly #closing = new AbortController();
  #waiting: Waiting[] = [];
  #sent = 0;
  #closed = false;

  constructor(parts: LaneParts) {
    const { settings } = parts;
    this.#parts = parts;
    this.#bytes = new ByteBudget(settings.bytes, parts.bytes);
    this.#breaker = new Breaker(settings.breaker);
    this.#connections = new Connections(settings.connections);
    setMaxListeners(0, this.#closing.signal);
  }

  /** Never rejects. */
  send(copy: Copy): Promise<CopyOutcome> {
    if (this.#closed) return Promise.resolve(dropped('mirror-ended'));
    if (!this.#parts.serving()) return Promise.resolve(dropped('host-not-ready'));
    this.#dropStale();
    const { queued } = this.#parts.settings;
    const { length } = copy.body;
    if (this.#waiting.length >= queued || !this.#bytes.take(length))
      return Promise.resolve(dropped('queue-full'));
    return new Promise((resolve) => {
      const settle = (outcome: CopyOutcome): void => {
        this.#bytes.give(length);
        resolve(outcome);
      };
      this.#waiting.push({ ...copy, sinceMs: performance.now(), settle });
      this.#sendWaiting();
    });
  }

  /** Sends nothing more. What is under way may still be answered. */
  close(): void {
    this.#closed = true;
    this.#dropAll();
    this.#connections.close();
  }

  /** As `close`, and waits for nobody. */
  abort(): void {
    this.close();
    this.#closing.abort();
  }

  #sendWaiting(): void {
    while (this.#sent < this.#parts.settings.connections) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#sendOne(next);
    }
  }

  #sendOne(next: Waiting): void {
    const nowMs = performance.now();
    if (nowMs - next.sinceMs > this.#parts.settings.waitMs) {
      next.settle(dropped('queue-timeout'));
      return;
    }
    const serving = this.#parts.serving();
    const attempt = serving && this.#breaker.admit(nowMs);
    if (!attempt) {
      next.settle(dropped(serving ? 'breaker-open' : 'host-not-ready'));
      return;
    }
    this.#sent += 1;
    void this.#exchange(next, serving, attempt).then((outcome) => {
      this.#sent -= 1;
      next.settle(outcome);
      this.#sendWaiting();
    });
  }

  async #exchange(copy: Copy, serving: Serving, attempt: Attempt): Promise<CopyOutcome> {
    const { timeoutMs, replyBytes } = this.#parts.settings;
    const sentAtMs = performance.now();
    try {
      const reply = await exchange(this.#connections.to(serving.origin), {
        path: serving.path,
        ...copy,
        timeoutMs,
        replyLimitBytes: replyBytes,
        gone: this.#closing.signal,
      });
      const nowMs = performance.now();
      // A payload that the candidate refuses says nothing against trying it with the next one.
      const well = reply.status === 200 || !isModelsFault(reply.status);
      this.#breaker.settle(attempt, well, nowMs);
      return outcomeOf(reply, nowMs - sentAtMs);
    } catch (error) {
      const nowMs = performance.now();
      this.#breaker.settle(attempt, false, nowMs);
      // A candidate is ended as soon as its mirror is: that it broke off then is no failure of it.
      if (this.#closed) return dropped('mirror-ended');
      const cause = error instanceof ExchangeError ? error.reason : 'unreachable';
      return failed(cause, nowMs - sentAtMs);
    }
  }

  #dropStale(): void {
    const nowMs = performance.now();
    const { waitMs } = this.#parts.settings;
    const fresh = this.#waiting.findIndex(({ sinceMs }) => nowMs - sinceMs <= waitMs);
    if (fresh === 0) return;
    const stale = this.#waiting.splice(0, fresh < 0 ? this.#waiting.length : fresh);
    for (const copy of stale) copy.settle(dropped('queue-timeout'));
  }

  #dropAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const copy of waiting) copy.settle(dropped('mirror-ended'));
  }
}
