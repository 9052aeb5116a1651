import { applicationFailure } from '../../../temporal/errors.js';
import { differing, type CrashLane, type Played } from './crash-lane.js';
import { SCENARIOS, type Effects, type ScenarioName } from './crash-scenarios.js';

/** A scenario whose worker dies at a point. */
export interface CrashCase {
  scenario: ScenarioName;
  point: string;
}

export interface CrashOutcome extends CrashCase {
  /** Null: the run went past the point no more often than that, so nobody died. */
  death: string | null;
  /** What was not as in the undisturbed run; empty when it converged. */
  differs: string[];
  seen: unknown;
}

export type Undisturbed = Record<ScenarioName, Played>;

/** Plays every scenario without a crash: what every other play has to come to, and the points at which to crash. */
export async function undisturbed(lanes: readonly CrashLane[]): Promise<Undisturbed> {
  const plays = await eachIn(
    lanes,
    Object.keys(SCENARIOS) as ScenarioName[],
    async (lane, name) => {
      const play = await lane.play(SCENARIOS[name], null);
      return [name, play] as const;
    },
  );
  return Object.fromEntries(plays) as Undisturbed;
}

export const casesOf = (plays: Undisturbed): CrashCase[] =>
  (Object.keys(plays) as ScenarioName[]).flatMap((scenario) =>
    plays[scenario].points.map((point) => ({ scenario, point })),
  );

/** Plays the cases, one after the other in each lane. */
export function sweep(
  lanes: readonly CrashLane[],
  plays: Undisturbed,
  cases: readonly CrashCase[],
): Promise<CrashOutcome[]> {
  return eachIn(lanes, cases, async (lane, { scenario, point }) => {
    const wanted = plays[scenario].effects;
    const came = await crashed(lane, { scenario, point }, wanted);
    return { scenario, point, ...came };
  });
}

async function crashed(
  lane: CrashLane,
  { scenario, point }: CrashCase,
  wanted: Effects,
): Promise<Pick<CrashOutcome, 'death' | 'differs' | 'seen'>> {
  try {
    const { death, effects } = await lane.play(SCENARIOS[scenario], point);
    const differs = differing(effects, wanted);
    return { death, differs, seen: differs.length > 0 ? effects : null };
  } catch (error) {
    return {
      death: null,
      differs: ['no end'],
      seen: applicationFailure(error)?.message ?? String(error),
    };
  }
}

/** Does the work on every item, one after the other in each lane; the results come in the order in which they end. */
export async function eachIn<Item, Result>(
  lanes: readonly CrashLane[],
  items: readonly Item[],
  work: (lane: CrashLane, item: Item) => Promise<Result>,
): Promise<Result[]> {
  const waiting = [...items];
  const results: Result[] = [];
  const inTurn = async (lane: CrashLane): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      results.push(await work(lane, item));
  };
  await Promise.all(lanes.map(inTurn));
  return results;
}
