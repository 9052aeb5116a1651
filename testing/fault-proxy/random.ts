import { randomInt } from 'node:crypto';

/** Milliseconds: so many, or any number from the first up to the second. */
export type Span = number | readonly [fromMs: number, toMs: number];

/** Numbers in [0, 1) that are the same again for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const newSeed = (): number => randomInt(2 ** 32);

/** The milliseconds of a span, where `chance` in [0, 1) says how far into it. */
export function millisecondsOf(span: Span, chance: number): number {
  if (typeof span === 'number') return span;
  const [fromMs, toMs] = span;
  return fromMs + chance * (toMs - fromMs);
}
