import type { PredictionRecord, ShadowAnswer } from '../../../temporal/contracts/predictions.js';

export const CANDIDATE = 'flights/2';
export const INCUMBENT = 'flights/1';

type Given = Partial<Omit<PredictionRecord, 'shadow'>> & {
  shadow?: Partial<ShadowAnswer> | undefined;
};

/** A request that both models answered, `second` seconds into the hour, with what the test says otherwise. */
export function record(second: number, given: Given = {}): PredictionRecord {
  const { shadow = {}, ...rest } = given;
  return {
    at: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    tag: 'flights',
    modelId: INCUMBENT,
    requestId: `request-${String(second)}`,
    status: 200,
    ms: 5,
    input: { dataframe_records: [{ x: 1 }] },
    output: { predictions: [0.25] },
    shadow: {
      modelId: CANDIDATE,
      state: 'answered',
      ms: 10,
      status: 200,
      output: { predictions: [0.5] },
      cause: null,
      ...shadow,
    },
    ...rest,
  };
}

/** The same without a mirror in force. */
export function unshadowed(second: number): PredictionRecord {
  const { shadow: _, ...rest } = record(second);
  return rest;
}

export const notSent = (state: 'dropped' | 'unsampled'): Partial<ShadowAnswer> => ({
  state,
  ms: null,
  status: null,
  output: null,
  cause: state === 'dropped' ? 'queue-full' : null,
});
