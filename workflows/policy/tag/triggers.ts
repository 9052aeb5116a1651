import type { TriggerCommand } from '../../../temporal/contracts/tag.js';
import type { Outcome, TagState } from './state.js';

const KEPT = 50;

/** Notes who asked for the slots of a span, because a schedule's own action cannot carry it. */
export function noteTrigger(
  state: TagState,
  { asked, from, until }: TriggerCommand,
): Outcome<null> {
  const noted = { from, until, actor: asked.actor };
  return { state: { ...state, triggers: [...state.triggers, noted].slice(-KEPT) }, result: null };
}

/** Everybody who asked for the slot of an instant. */
export const triggeredBy = ({ triggers }: TagState, slot: string): string[] => [
  ...new Set(
    triggers.filter(({ from, until }) => from <= slot && slot <= until).map(({ actor }) => actor),
  ),
];
