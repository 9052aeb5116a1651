import type { BreakerSettings } from './settings.js';

/** Leave to send one copy; handed back with how it went. */
export interface Attempt {
  /** The only one under way after the breaker was open. */
  probe: boolean;
}

/** Keeps copies away from a candidate that fails each of them: a try costs this process as much as a request does. */
export class Breaker {
  readonly #settings: BreakerSettings;
  #failures = 0;
  #openUntilMs = 0;
  #probing = false;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  /** Undefined while it is open, and while the copy that finds out whether to close it is under way. */
  admit(nowMs: number): Attempt | undefined {
    if (this.#failures < this.#settings.failures) return { probe: false };
    if (nowMs < this.#openUntilMs || this.#probing) return undefined;
    this.#probing = true;
    return { probe: true };
  }

  settle(attempt: Attempt, well: boolean, nowMs: number): void {
    if (attempt.probe) this.#probing = false;
    this.#failures = well ? 0 : this.#failures + 1;
    if (this.#failures >= this.#settings.failures)
      this.#openUntilMs = nowMs + this.#settings.openMs;
  }
}
