import type { TriggerCommand } from '../../../temporal/contracts/tag.js';
import { after } from '../../../temporal/duration.js';
import type { Outcome, TagState } from './state.js';

const KEPT = 500;
/** The longest that anything waits for its approvals. */
const KEPT_MS = 62 * 24 * 3_600_000;

/** Notes who asked for the slots of a span, because a schedule's own action cannot carry it. */
export function noteTrigger(
  state: TagState,
  { asked, from, until }: TriggerCommand,
  at: string,
): Outcome<null> {
  const noted = { from, until, actor: asked.actor };
  const horizon = after(at, -KEPT_MS);
  const kept = state.triggers.filter((known) => known.until > horizon);
  return { state: { ...state, triggers: [...kept, noted].slice(-KEPT) }, result: null };
}

/** Everybody who asked for the slot of an instant. */
export const triggeredBy = ({ triggers }: TagState, slot: string): string[] => [
  ...new Set(
    triggers.filter(({ from, until }) => from <= slot && slot <= until).map(({ actor }) => actor),
  ),
];
