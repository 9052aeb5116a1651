import type { HostAnswer } from '../../../activities/predictions/host-answer.js';
import type { Predictions, Window } from '../../../activities/predictions/port.js';
import type { PredictionRecord } from '../../../temporal/contracts/predictions.js';

export interface Copies {
  candidate: string;
  incumbent: string;
  answered: number;
  failed: number;
}

/** The prediction log as a test sets it: every window of a tag shows the same copies. */
export class MemoryPredictions implements Predictions {
  /** Windows that were read, by tag. */
  readonly windows: (Window & { tag: string })[] = [];
  /** What a host answers to a request that the live model answered. */
  answer: (host: string) => HostAnswer = () => ({ status: 200, body: { predictions: [0.5] } });
  private readonly copies = new Map<string, Copies>();

  show(tag: string, copies: Copies): void {
    this.copies.set(tag, copies);
  }

  async *read(tag: string, window: Window): AsyncGenerator<Uint8Array> {
    this.windows.push({ tag, ...window });
    const records = this.recordsOf(tag, window.from);
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await Promise.resolve();
    yield Buffer.from(lines.join(''));
  }

  last(tag: string, count: number): Promise<PredictionRecord[]> {
    return Promise.resolve(this.recordsOf(tag, new Date().toISOString()).slice(-count));
  }

  invoke(host: string): Promise<HostAnswer> {
    return Promise.resolve(this.answer(host));
  }

  private recordsOf(tag: string, at: string): PredictionRecord[] {
    const copies = this.copies.get(tag);
    if (!copies) return [];
    const { candidate, incumbent, answered, failed } = copies;
    return Array.from({ length: answered + failed }, (_, index) => ({
      ...{ at, tag, modelId: incumbent, requestId: `request-${String(index)}`, status: 200, ms: 2 },
      input: { dataframe_records: [{ a: index }] },
      output: { predictions: [0.4] },
      shadow: {
        modelId: candidate,
        ...(index < answered
          ? { state: 'answered', ms: 3, status: 200, output: { predictions: [0.5] }, cause: null }
          : { state: 'failed', ms: 3, status: 500, output: null, cause: 'status' }),
      },
    }));
  }
}
