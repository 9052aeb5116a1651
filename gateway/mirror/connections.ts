import { Pool, type Dispatcher } from 'undici';

/**
 * Connections to a candidate that carry copies and nothing else: a candidate that is also live, or a canary, for another tag
 * answers its callers on connections that no copy can use up.
 */
export class Connections {
  readonly #most: number;
  #origin = '';
  #pool: Pool | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** To the server of that origin; those to an earlier one are closed once their copies are settled. */
  to(origin: string): Dispatcher {
    if (this.#pool && this.#origin === origin) return this.#pool;
    this.close();
    this.#origin = origin;
    this.#pool = new Pool(origin, { connections: this.#most, pipelining: 1 });
    return this.#pool;
  }

  close(): void {
    const pool = this.#pool;
    this.#pool = undefined;
    pool?.close().catch(() => undefined);
  }
}
