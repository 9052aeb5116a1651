/** A fault that was met, and the line that met it. */
export interface Injection<Fault> {
  readonly line: string;
  readonly fault: Fault;
}

/** Faults by seeded chance. */
export interface Storm<Fault> {
  /** The same seed and the same order of lines give the same decisions. The proxy's own when absent. */
  seed?: number;
  /** How likely a line meets a fault: 0 is never, 1 is always. */
  rate: number;
  /** Each is as likely as the others. */
  faults: readonly Fault[];
  /** Lines that do not match pass unharmed and use up no chance. Every line when absent. */
  match?: RegExp;
}

/**
 * What both proxies do. A line is the text of what a fault can meet: `"METHOD /path?query"` of a request, and for TCP
 * what {@link TcpFaultProxy} says.
 *
 * When a test fails, its seed and what was injected tell how to see it again:
 *
 * ```ts
 * onTestFailed(() => console.error(proxy.seed, proxy.injected));
 * ```
 */
export interface FaultProxy<Fault> extends AsyncDisposable {
  /** Decides what a storm without a seed and a range of milliseconds leave open. */
  readonly seed: number;
  /** Every line that arrived, in order. */
  readonly seen: readonly string[];
  /** Every fault that was met, in order. */
  readonly injected: readonly Injection<Fault>[];
  /**
   * The next `times` lines (1 when absent, `Infinity` for all) that match meet the fault. Of several rules the oldest
   * that is not used up counts, and rules come before a storm.
   */
  inject(match: RegExp, fault: Fault, times?: number): void;
  /**
   * From now on each line meets one of the faults by chance, until `calm()` or the next storm.
   *
   * @throws RangeError when the rate is not in 0..1, or there is no fault.
   */
  storm(storm: Storm<Fault>): void;
  /** Forgets rules and storm, and ends what still lasts. What was swallowed stays so; `seen` and `injected` stay. */
  calm(): void;
  /** Closes every connection and the port. May be called again. */
  stop(): Promise<void>;
}
