import type { Monitoring } from '../../../activities/monitoring/port.js';
import type { TrafficFigures } from '../../../temporal/contracts/figures.js';
import type { MirrorFigures } from '../../../temporal/contracts/predictions.js';
import { bucketOf } from '../../../temporal/latency-buckets.js';

/** Figures as a test sets them; until then, a tag without requests. Counted up to the moment they are read. */
export class MemoryMonitoring implements Monitoring {
  private readonly flows = new Map<string, () => TrafficFigures['models']>();
  private readonly mirrors = new Map<string, () => MirrorFigures['candidates']>();
  private readonly answers = new Map<string, Partial<TrafficFigures>>();

  /** What is answered for the tag from now on; a field left out is as without requests. */
  set(tag: string, figures: Partial<Omit<TrafficFigures, 'tag'>>): void {
    this.answers.set(tag, figures);
  }

  /** From now on every look finds this much more of each model. */
  flow(
    tag: string,
    models: Record<string, { requests: number; errors: number; ms: number }>,
  ): void {
    let looks = 0;
    this.flows.set(tag, () => {
      looks += 1;
      return Object.fromEntries(
        Object.entries(models).map(([id, { requests, errors, ms }]) => {
          const latency = { [String(bucketOf(ms))]: looks * requests };
          return [id, { requests: looks * requests, errors: looks * errors, latency }];
        }),
      );
    });
  }

  /** From now on every look after the first finds so many more copies that the candidate answered. */
  mirrorFlow(tag: string, candidate: string, mirrored: number): void {
    let looks = -1;
    this.mirrors.set(tag, () => {
      looks += 1;
      const count = looks * mirrored;
      return {
        [candidate]: { eligible: count, unsampled: 0, mirrored: count, dropped: 0, failed: 0 },
      };
    });
  }

  mirror(tag: string): Promise<MirrorFigures> {
    return Promise.resolve({
      ...{ tag, epoch: 'in-memory', at: new Date().toISOString() },
      candidates: this.mirrors.get(tag)?.() ?? {},
      log: { written: 0, lost: 0 },
    });
  }

  figures(tag: string): Promise<TrafficFigures> {
    const models = this.flows.get(tag)?.();
    if (models) this.set(tag, { models });
    const withoutRequests = { epoch: 'in-memory', at: new Date().toISOString(), models: {} };
    return Promise.resolve({ ...withoutRequests, ...this.answers.get(tag), tag });
  }
}
