/** A number of bytes that may be held at once, within that of a wider budget when there is one. */
export class ByteBudget {
  readonly #limit: number;
  readonly #wider: ByteBudget | undefined;
  #held = 0;

  constructor(limit: number, wider?: ByteBudget) {
    this.#limit = limit;
    this.#wider = wider;
  }

  get held(): number {
    return this.#held;
  }

  /** False, and nothing taken, when they do not fit. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#limit) return false;
    if (this.#wider && !this.#wider.take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
    this.#wider?.give(bytes);
  }
}
