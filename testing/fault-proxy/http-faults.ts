import type { Garbage } from './garbage.js';
import type { Span } from './random.js';

/** What happens to one request on its way. "Executed" says that the server got it and answered. */
export type HttpFault =
  /** It arrives later. It is executed even when the caller has given up meanwhile. */
  | { kind: 'latency'; ms: Span }
  /** The connection is reset; nothing is executed. */
  | { kind: 'reset' }
  /** Nothing is executed, and nobody answers. */
  | { kind: 'black-hole' }
  /** Nothing is executed; the answer is this. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** Nothing is executed; the answer is a 5xx, 503 when absent. */
  | { kind: 'unavailable'; status?: 500 | 502 | 503 | 504 }
  /** Nothing is executed; the answer is 429 with this Retry-After. */
  | { kind: 'rate-limit'; retryAfterSeconds: number }
  /** Nothing is executed; the answer is that of the last GET of the same path. Passes requests by that have none. */
  | { kind: 'stale-read' }
  /** It is executed, and never answered. */
  | { kind: 'hang' }
  /** It is executed, and the connection is reset instead of an answer. */
  | { kind: 'lose-answer' }
  /** It is executed, and the connection ends after this much of the answer's body. */
  | { kind: 'truncate'; bytes: number }
  /** It is executed, and the answer's body is this. The status stays unless named; the type is JSON unless named. */
  | { kind: 'garble'; body: string; status?: number; contentType?: string }
  /** It is executed, and the answer's body is rubbish of this sort. */
  | { kind: 'garbage'; sort: Garbage }
  /** It is executed twice, one after the other; the caller sees the second answer. */
  | { kind: 'duplicate' }
  /**
   * It is held back until the next request of the same rule or storm was executed, or until nobody came for `waitMs`
   * (2,000 when absent). While one is held the next passes, so that `times` counts swapped pairs.
   */
  | { kind: 'reorder'; waitMs?: number };
