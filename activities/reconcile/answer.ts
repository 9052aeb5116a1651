import { setTimeout as sleep } from 'node:timers/promises';

/** What a store said, or why it could not be asked. */
export type Answer<Value> = { value: Value } | { unavailable: string };

/** A sweep comes again soon: it waits for no store longer than this. */
const PATIENCE_MS = 8_000;

export async function answerOf<Value>(ask: () => Promise<Value>): Promise<Answer<Value>> {
  const given = new AbortController();
  try {
    const late = sleep(PATIENCE_MS, undefined, { signal: given.signal, ref: false });
    const answer = await Promise.race([ask().then((value) => ({ value })), late]);
    return answer ?? { unavailable: `no answer within ${String(PATIENCE_MS / 1000)} s` };
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  } finally {
    given.abort();
  }
}

export const valueOr = <Value>(answer: Answer<Value>, otherwise: Value): Value =>
  'value' in answer ? answer.value : otherwise;
