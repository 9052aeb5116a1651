import type { Signed } from '../../../temporal/contracts/approval.js';
import { digestOf } from '../../../temporal/digest.js';
import { refuse, type TagState } from './state.js';

const KEPT = 200;

/** Why a signature does not count: it has counted once, and whoever read it there could send it again. */
export function usedSignature(
  { signatures }: TagState,
  signed: Signed | undefined,
  at: string,
): ReturnType<typeof refuse> | null {
  if (!signed) return null;
  const digest = digestOf(signed);
  if (!signatures.some((used) => used.digest === digest && used.until > at)) return null;
  return refuse('ApprovalRefused', 'expected a new signature, got one that has been used', {
    reason: 'already-decided',
  });
}

/** The state that knows the signature again until it expires by itself. */
export function withSignature(state: TagState, signed: Signed | undefined, at: string): TagState {
  if (!signed) return state;
  const kept = state.signatures.filter(({ until }) => until > at).slice(1 - KEPT);
  return {
    ...state,
    signatures: [...kept, { digest: digestOf(signed), until: signed.expiresAt }],
  };
}
