import { randomUUID } from 'node:crypto';
import type { ModelFigures, TrafficFigures } from '../temporal/contracts/figures.js';
import { BUCKET_COUNT, bucketOf } from '../temporal/latency-buckets.js';

interface Counts {
  requests: number;
  errors: number;
  /** By bucket, in doubles: a busy bucket would overflow 32 bits within weeks. */
  latency: Float64Array;
}

export interface ModelAnswer {
  tag: string;
  modelId: string;
  failed: boolean;
  ms: number;
}

/** What live checks judge a model by: its requests, errors and latencies for a tag, since this process began. */
export class Figures {
  readonly #epoch = randomUUID();
  readonly #tags = new Map<string, Map<string, Counts>>();

  /** A caller was answered for the model. */
  answered({ tag, modelId, failed, ms }: ModelAnswer): void {
    const counts = this.#countsOf(tag, modelId);
    counts.requests += 1;
    if (failed) counts.errors += 1;
    const bucket = bucketOf(ms);
    counts.latency[bucket] = (counts.latency[bucket] ?? 0) + 1;
  }

  /** The model was picked and could not serve, so that another answered: a failure its callers do not see, and checks have to. */
  passedOver(tag: string, modelId: string): void {
    const counts = this.#countsOf(tag, modelId);
    counts.requests += 1;
    counts.errors += 1;
  }

  /** Drops a tag's figures of models other than those named: a tag's models come and go for years. */
  keepModels(tag: string, modelIds: Iterable<string>): void {
    const kept = new Set(modelIds);
    const models = this.#tags.get(tag);
    for (const modelId of models?.keys() ?? []) if (!kept.has(modelId)) models?.delete(modelId);
  }

  of(tag: string): TrafficFigures {
    const models = [...(this.#tags.get(tag) ?? [])].map(
      ([modelId, counts]) => [modelId, shown(counts)] as const,
    );
    return {
      tag,
      epoch: this.#epoch,
      at: new Date().toISOString(),
      models: Object.fromEntries(models),
    };
  }

  #countsOf(tag: string, modelId: string): Counts {
    const models = this.#tags.get(tag) ?? new Map<string, Counts>();
    const known = models.get(modelId);
    if (known) return known;
    const counts = { requests: 0, errors: 0, latency: new Float64Array(BUCKET_COUNT) };
    this.#tags.set(tag, models.set(modelId, counts));
    return counts;
  }
}

function shown({ requests, errors, latency }: Counts): ModelFigures {
  const filled = [...latency].flatMap((count, index) =>
    count > 0 ? [[String(index), count] as const] : [],
  );
  return { requests, errors, latency: Object.fromEntries(filled) };
}
