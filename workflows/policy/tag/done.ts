import type { Asked } from '../../../temporal/contracts/tag.js';
import { refuse, type DoneRequest } from './state.js';

const KEPT_CALLERS = 1000;
const KEPT_STEPS = 50;
const KEPT_MS = 24 * 3_600_000;
/** Of the 2 MiB that continue-as-new may carry: with this many characters of answers there is room for all the rest. */
const KEPT_SIZE = 600_000;

/** What a state holds of what it was asked before. */
export interface Answering {
  done: DoneRequest[];
}

/** The stored answer of the same request, a refusal when its key belongs to another one, or null. */
export function answered(
  state: Answering,
  method: string,
  asked: Pick<Asked, 'key' | 'hash'>,
): DoneRequest | ReturnType<typeof refuse> | null {
  const known = state.done.find(({ key }) => key === `${method}:${asked.key}`);
  if (!known) return null;
  return known.hash === asked.hash ? known : conflict(asked);
}

export const conflict = (asked: Pick<Asked, 'key'>): ReturnType<typeof refuse> =>
  refuse('IdempotencyConflict', `idempotency key '${asked.key}' was used for another request`, {
    idempotencyKey: asked.key,
  });

/** Remembers an answer: callers' for a day and at least the last thousand, runs' own steps only while they may be retried. */
export function remember<State extends Answering>(
  state: State,
  answer: Omit<DoneRequest, 'size'>,
): State {
  const request = { ...answer, size: JSON.stringify(answer).length };
  const horizon = new Date(Date.parse(request.at) - KEPT_MS).toISOString();
  const done = [...state.done, request];
  const callers = done.filter(({ kind }) => kind === 'caller');
  const steps = done.filter(({ kind }) => kind === 'step').slice(-KEPT_STEPS);
  const kept = callers.filter(
    ({ at }, index) => index >= callers.length - KEPT_CALLERS || at > horizon,
  );
  return { ...state, done: [...withinSize(kept), ...steps] };
}

/** The newest answers that fit. */
function withinSize(callers: DoneRequest[]): DoneRequest[] {
  let size = 0;
  const oldest = callers.findLastIndex((request) => (size += request.size) > KEPT_SIZE);
  return callers.slice(oldest + 1);
}
