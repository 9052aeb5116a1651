import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Target {
  origin: string;
  path: string;
  body: string;
}

export interface Answer {
  /** Of `performance.now()`. */
  sentAtMs: number;
  answeredAtMs: number;
  /** 0: no answer. */
  status: number;
  /** The model that answered, where a gateway says so. */
  modelId: string | null;
}

export interface Asking {
  going: () => boolean;
  answered: (answer: Answer) => void;
  /** Between an answer and the next request of its connection. @default 0 */
  pauseMs?: number;
}

/** Asks in a closed loop while `going` says so: each connection sends its next request when the last is answered. */
export async function keepAsking(
  { origin, path, body }: Target,
  connections: number,
  { going, answered, pauseMs = 0 }: Asking,
): Promise<void> {
  const pool = new Pool(origin, { connections });
  const headers = { 'content-type': 'application/json' };
  const ask = async (): Promise<Answer> => {
    const sentAtMs = performance.now();
    try {
      const answer = await pool.request({ method: 'POST', path, body, headers });
      await answer.body.dump();
      const modelId = answer.headers['x-modelyard-model-id'];
      return {
        sentAtMs,
        answeredAtMs: performance.now(),
        status: answer.statusCode,
        modelId: typeof modelId === 'string' ? modelId : null,
      };
    } catch {
      return { sentAtMs, answeredAtMs: performance.now(), status: 0, modelId: null };
    }
  };
  const loop = async (): Promise<void> => {
    while (going()) {
      answered(await ask());
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  await pool.close();
}
