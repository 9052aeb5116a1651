export interface MirrorSettings {
  /** From a copy being sent to the last byte of its answer. */
  timeoutMs: number;
  /** A copy that waited longer for a connection is not sent: its answer would say nothing of the candidate. */
  waitMs: number;
  /** Copies to one candidate at once, a connection each. */
  connections: number;
  /** Copies to one candidate that wait for a connection. */
  queued: number;
  /** Bodies of the copies to one candidate, waiting and sent. */
  bytes: number;
  /** The same of all candidates together. */
  totalBytes: number;
  /** Of a candidate's answer. */
  replyBytes: number;
  breaker: BreakerSettings;
}

export interface BreakerSettings {
  /** Failures in a row that open it. */
  failures: number;
  openMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_MIRROR: MirrorSettings = {
  timeoutMs: 10_000,
  waitMs: 2_000,
  connections: 32,
  queued: 1_024,
  bytes: 16 * MIB,
  totalBytes: 64 * MIB,
  replyBytes: MIB,
  breaker: { failures: 5, openMs: 1_000 },
};
