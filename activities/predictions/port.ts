import type { PredictionRecord } from '../../temporal/contracts/predictions.js';
import type { HostAnswer } from './host-answer.js';

/** Instants; `from` is inside, `until` is not. */
export interface Window {
  from: string;
  until: string;
}

/** What a tag's models were asked and what they answered. */
export interface Predictions {
  /** Every record of the window as lines of JSON. Fails with GatewayUnavailable when the stream ends before the last of them. */
  read(tag: string, window: Window): AsyncIterable<Uint8Array>;
  /** The newest records, at most 100 of them; newest last. */
  last(tag: string, count: number): Promise<PredictionRecord[]>;
  /**
   * What a host answers to a body, asked past every route: JSON, or CSV where the body is a text; 502 or 504 when it breaks off
   * over it. Fails with HostNotReady while it cannot be asked.
   */
  invoke(host: string, body: unknown): Promise<HostAnswer>;
}
