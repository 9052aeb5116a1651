import { sha256Hex } from '../../temporal/digest.js';

const STEPS = 0x1_0000_0000;

/**
 * A tag's own delay within the spread, in whole seconds as milliseconds: the same every night, and another one for another
 * tag. Temporal's jitter is not used, because it rolls the dice anew for every slot.
 */
export function spreadOffsetMs(tag: string, spreadMs: number): number {
  const share = Number.parseInt(sha256Hex(tag).slice(0, 8), 16) / STEPS;
  return Math.floor((share * spreadMs) / 1000) * 1000;
}
