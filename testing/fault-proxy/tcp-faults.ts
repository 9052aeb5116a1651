import type { Span } from './random.js';

/** What happens to one connection from the line on that met it. Without `forMs` it lasts until `calm()` or `stop()`. */
export type TcpFault =
  /** This chunk waits, and those behind it; for a `connect`, what is said first. */
  | { kind: 'latency'; ms: Span }
  /** Both ends are reset. */
  | { kind: 'reset' }
  /**
   * The connection stays open and swallows what both ends say, their good-byes included. When that ends, a connection
   * that lost something is reset: a stream never goes on after a gap.
   */
  | { kind: 'black-hole'; forMs?: number }
  /** The port is closed to new connections. Open ones stay; the one whose `connect` met this is reset. */
  | { kind: 'refuse'; forMs?: number };

/** What happens to all at once, and what cannot wait for a line. */
export type TcpStrike = Exclude<TcpFault, { kind: 'latency' }>;
