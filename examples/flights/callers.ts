// Airports that ask all the time, by plain HTTP: they name the tag and know nothing of models.
import { flightsToAsk } from './asked.ts';

const CALLERS = 4;
const PAUSE_MS = 100;

/** What the callers of one model got. */
export interface Answers {
  asked: number;
  failed: number;
}

export interface Callers extends AsyncDisposable {
  readonly byModel: ReadonlyMap<string, Answers>;
}

/** Each waits for its answer before it asks again, so that a slow machine is asked less. */
export function startCallers(gatewayUrl: string, tag: string): Callers {
  const byModel = new Map<string, Answers>();
  const stop = new AbortController();
  let next = 0;
  const call = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      next += 1;
      const answer = await ask(`${gatewayUrl}/v1/tags/${tag}/score`, next);
      const { asked, failed } = byModel.get(answer.modelId) ?? { asked: 0, failed: 0 };
      byModel.set(answer.modelId, { asked: asked + 1, failed: failed + (answer.ok ? 0 : 1) });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const calling = Array.from({ length: CALLERS }, call);
  return {
    byModel,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(calling);
    },
  };
}

async function ask(url: string, flight: number): Promise<{ modelId: string; ok: boolean }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(flightsToAsk(flight, 1)),
  });
  await response.arrayBuffer();
  return { modelId: response.headers.get('x-modelyard-model-id') ?? 'none', ok: response.ok };
}
