import { createHash } from 'node:crypto';
import type { PredictionRecord } from '../../temporal/contracts/predictions.js';
import type { ShadowPairs } from '../../temporal/contracts/shadow.js';
import { vendorName } from '../../temporal/ids.js';
import type { Artifacts } from '../artifacts/port.js';
import { said, type HostAnswer } from './host-answer.js';
import { pairsOf } from './pairs.js';
import type { Predictions } from './port.js';

/** Newest requests among which are those that a candidate is tried with. */
const TRIED = 20;

export interface ShadowCollection {
  tag: string;
  candidate: string;
  incumbent: string;
  from: string;
  until: string;
  /** Columns of the inputs to keep: the candidate's features and those a report is sliced by. */
  features: string[];
  /** Of the run: names the folder of its pairs. */
  key: string;
}

export interface TrialRequest {
  tag: string;
  host: string;
  /** The live model, by which the candidate is measured: what others answered says nothing of what it takes. */
  incumbent: string | null;
}

export interface Trial {
  tried: number;
  /** What the host answered to a body that the live model had answered with 200; null: it took them all. */
  refused: string | null;
}

interface Ports {
  predictions: Predictions;
  artifacts: Artifacts;
}

export function createPredictionActivities({ predictions, artifacts }: Ports) {
  return {
    /** What both models answered in a window, as one file. The uri follows from its content, so a repeat changes nothing. */
    async collectShadow(asked: ShadowCollection): Promise<ShadowPairs> {
      const { tag, from, until, key, ...question } = asked;
      const { content, rows, requests } = await pairsOf(
        predictions.read(tag, { from, until }),
        question,
      );
      const hex = createHash('sha256').update(content).digest('hex');
      const uri = `mlflow-artifacts:/modelyard/shadow/${vendorName(key)}/${hex}.parquet`;
      await artifacts.put(uri, content, `sha256:${hex}`);
      return { uri, digest: `sha256:${hex}`, bytes: content.byteLength, rows, requests };
    },

    /** Asks a candidate's host for what the live model answered last, so that one that takes no such input is found at once. */
    async tryCandidate({ tag, host, incumbent }: TrialRequest): Promise<Trial> {
      const newest = await predictions.last(tag, TRIED);
      const inputs = newest.filter((record) => record.modelId === incumbent && isWhole(record));
      let tried = 0;
      for (const { requestId, input } of inputs.toReversed()) {
        const answer = await asked(predictions, host, input);
        tried += 1;
        if (answer.status !== 200)
          return { tried, refused: `request ${requestId}, ${said(answer)}` };
      }
      return { tried, refused: null };
    },
  };
}
export type PredictionActivities = ReturnType<typeof createPredictionActivities>;

/** With the body as the caller sent it: a candidate may rightly refuse a column of nulls. */
const isWhole = ({ status, input, redacted }: PredictionRecord): boolean =>
  status === 200 && input !== null && redacted !== true;

/** Once more where the host gave no answer: one that was just begun anew is no sign of what it takes. */
async function asked(predictions: Predictions, host: string, input: unknown): Promise<HostAnswer> {
  const answer = await predictions.invoke(host, input);
  return answer.status < 500 ? answer : await predictions.invoke(host, input);
}
