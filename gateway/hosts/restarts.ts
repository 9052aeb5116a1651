import type { ProcessEnd } from './process.js';

/** Deaths in a row after which a host counts as broken, not as unlucky. It is still tried, at the longest delay. */
export const BROKEN_AFTER = 5;
/** A process that lived this long ready did not die fast. */
export const STABLE_AFTER_MS = 10_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** Exit codes by which the harness says that trying again cannot help; 75 in their midst says it can. */
const PERMANENT_FROM = 64;
const PERMANENT_TO = 79;
const TEMPORARY = 75;

/** Fast deaths in a row, counting this one. */
export function countDeath(fastDeaths: number, end: ProcessEnd, readyForMs: number): number {
  if (isPermanent(end)) return Math.max(BROKEN_AFTER, fastDeaths + 1);
  return readyForMs >= STABLE_AFTER_MS ? 0 : fastDeaths + 1;
}

/** Pause before the next start: none after a long life, then doubling up to half a minute. */
export function restartDelayMs(fastDeaths: number): number {
  if (fastDeaths === 0) return 0;
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (fastDeaths - 1));
}

function isPermanent({ exitCode }: ProcessEnd): boolean {
  return (
    exitCode !== null &&
    exitCode >= PERMANENT_FROM &&
    exitCode <= PERMANENT_TO &&
    exitCode !== TEMPORARY
  );
}
