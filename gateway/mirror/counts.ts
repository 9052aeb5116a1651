import type { MirrorFigures, ShadowState } from '../../temporal/contracts/predictions.js';

export type CandidateCounts = MirrorFigures['candidates'][string];

/** Most candidates counted for a tag: a tag's candidates come and go for years. */
const CANDIDATES_KEPT = 16;

const FIELDS = {
  answered: 'mirrored',
  failed: 'failed',
  dropped: 'dropped',
  unsampled: 'unsampled',
} as const satisfies Record<ShadowState, keyof CandidateCounts>;

/** What a mirror did, by tag and candidate, since this process began. */
export class MirrorCounts {
  readonly #tags = new Map<string, Map<string, CandidateCounts>>();

  eligible(tag: string, modelId: string): void {
    this.#countsOf(tag, modelId).eligible += 1;
  }

  settled(tag: string, modelId: string, state: ShadowState): void {
    this.#countsOf(tag, modelId)[FIELDS[state]] += 1;
  }

  of(tag: string): Record<string, CandidateCounts> {
    return Object.fromEntries(this.#tags.get(tag) ?? []);
  }

  *all(): Generator<{ tag: string; modelId: string; counts: CandidateCounts }> {
    for (const [tag, candidates] of this.#tags)
      for (const [modelId, counts] of candidates) yield { tag, modelId, counts };
  }

  #countsOf(tag: string, modelId: string): CandidateCounts {
    const candidates = this.#tags.get(tag) ?? new Map<string, CandidateCounts>();
    const known = candidates.get(modelId);
    if (known) return known;
    const [oldest] = candidates.keys();
    if (oldest !== undefined && candidates.size >= CANDIDATES_KEPT) candidates.delete(oldest);
    const counts = { eligible: 0, unsampled: 0, mirrored: 0, dropped: 0, failed: 0 };
    this.#tags.set(tag, candidates.set(modelId, counts));
    return counts;
  }
}
