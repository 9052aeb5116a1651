import type { ScoreInput } from 'modelyard';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connected } from './platform.js';

/** What one request came to. */
export interface Answer {
  askedAtMs: number;
  answeredAtMs: number;
  /** The model that answered; null: the request failed. */
  modelId: string | null;
  error: unknown;
}

export interface Callers {
  readonly answers: readonly Answer[];
  stop(): Promise<void>;
}

const PAUSE_MS = 25;

/** People who ask all the time, each one request after the other, and who do not stop for a failure. */
export function startCallers(
  on: () => Connected,
  tag: string,
  { input, count = 2 }: { input: (nth: number) => ScoreInput; count?: number },
): Callers {
  const answers: Answer[] = [];
  let going = true;
  const call = async (from: number): Promise<void> => {
    for (let nth = from; going; nth += count) {
      answers.push(await asked(on(), tag, input(nth)));
      await sleep(PAUSE_MS);
    }
  };
  const calling = Array.from({ length: count }, (_, from) => call(from));
  return {
    answers,
    stop: async () => {
      going = false;
      await Promise.all(calling);
    },
  };
}

async function asked({ platform }: Connected, tag: string, input: ScoreInput): Promise<Answer> {
  const askedAtMs = Date.now();
  const [modelId, error] = await platform.score(tag, input).then(
    (answer) => [answer.modelId, null] as const,
    (caught: unknown) => [null, caught] as const,
  );
  return { askedAtMs, answeredAtMs: Date.now(), modelId, error };
}

/** Which models answered; a request that failed is among them as what it failed with. */
export const answeredBy = ({ answers }: Callers): unknown[] => [
  ...new Set(answers.map(({ modelId, error }) => modelId ?? error)),
];
