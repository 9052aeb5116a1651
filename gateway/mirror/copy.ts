import type { ShadowState } from '../../temporal/contracts/predictions.js';
import type { HostReply } from '../scoring/exchange.js';

/** What is sent to a candidate: the caller's body, and of its headers those that a model server may see. */
export interface Copy {
  headers: Record<string, string>;
  body: Buffer;
}

/** What became of a copy. */
export interface CopyOutcome {
  state: ShadowState;
  ms: number | null;
  status: number | null;
  reply: Buffer | null;
  cause: string | null;
}

export const UNSAMPLED: CopyOutcome = {
  ...{ state: 'unsampled', ms: null, status: null, reply: null, cause: null },
};

export type DropCause =
  'queue-full' | 'queue-timeout' | 'breaker-open' | 'host-not-ready' | 'mirror-ended';

export function dropped(cause: DropCause): CopyOutcome {
  return { state: 'dropped', ms: null, status: null, reply: null, cause };
}

export function failed(cause: string, ms: number): CopyOutcome {
  return { state: 'failed', ms, status: null, reply: null, cause };
}

export function outcomeOf({ status, body }: HostReply, ms: number): CopyOutcome {
  return status === 200
    ? { state: 'answered', ms, status, reply: body, cause: null }
    : { state: 'failed', ms, status, reply: body, cause: `status-${String(status)}` };
}
