import type { Injection, Storm } from './proxy.js';
import { seededRandom } from './random.js';

/** What one line meets: `match` found it, and `chance` in [0, 1) settles what the fault leaves open. */
export interface Decision<Fault> {
  fault: Fault;
  match: RegExp;
  chance: number;
}

/** Whether a fault can happen now: a stale read needs something to be stale. */
export type Applies<Fault> = (fault: Fault, match: RegExp) => boolean;

export interface FaultPlan<Fault> {
  injected: Injection<Fault>[];
  inject: (match: RegExp, fault: Fault, times?: number) => void;
  storm: (storm: Storm<Fault>) => void;
  calm: () => void;
  decide: (line: string, applies?: Applies<Fault>) => Decision<Fault> | undefined;
}

interface Rule<Fault> {
  match: RegExp;
  fault: Fault;
  left: number;
}

const EVERY_LINE = /(?:)/;

/** Decides which line meets which fault, and keeps the log of it. */
export function createFaultPlan<Fault>(seed: number): FaultPlan<Fault> {
  const random = seededRandom(seed);
  const injected: Injection<Fault>[] = [];
  const rules: Rule<Fault>[] = [];
  let draw: (line: string) => Decision<Fault> | undefined = () => undefined;

  const ruled = (line: string, applies: Applies<Fault>): Decision<Fault> | undefined => {
    const rule = rules.find(
      ({ match, fault, left }) => left > 0 && matches(match, line) && applies(fault, match),
    );
    if (!rule) return undefined;
    rule.left -= 1;
    return { fault: rule.fault, match: rule.match, chance: random() };
  };

  return {
    injected,
    inject: (match, fault, times = 1) => {
      rules.push({ match, fault, left: times });
    },
    storm: (storm) => {
      draw = drawingFrom(storm, seed);
    },
    calm: () => {
      rules.length = 0;
      draw = () => undefined;
    },
    decide: (line, applies = () => true) => {
      // Drawn before the rules are asked: a rule must not shift what the storm decides for later lines.
      const drawn = draw(line);
      const decision = ruled(line, applies) ?? drawn;
      if (!decision || !applies(decision.fault, decision.match)) return undefined;
      injected.push({ line, fault: decision.fault });
      return decision;
    },
  };
}

function drawingFrom<Fault>(
  { seed, rate, faults, match = EVERY_LINE }: Storm<Fault>,
  seedOfProxy: number,
): (line: string) => Decision<Fault> | undefined {
  if (!(rate >= 0 && rate <= 1))
    throw new RangeError(`expected a rate from 0 to 1, got ${String(rate)}`);
  if (faults.length === 0) throw new RangeError('expected faults to choose from, got none');
  const random = seededRandom(seed ?? seedOfProxy);
  return (line) => {
    if (!matches(match, line)) return undefined;
    // Always three numbers: with another rate or other faults, the same lines are in danger.
    const [met, which, chance] = [random(), random(), random()];
    const fault = faults[Math.floor(which * faults.length)];
    return met < rate && fault !== undefined ? { fault, match, chance } : undefined;
  };
}

/** Unlike `test`, the same for the same line: a pattern with the flag `g` or `y` remembers where it was. */
const matches = (match: RegExp, line: string): boolean => line.search(match) !== -1;
