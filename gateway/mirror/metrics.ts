import { Counter, type Registry } from 'prom-client';
import type { CandidateCounts, MirrorCounts } from './counts.js';

const STATES = [
  'unsampled',
  'mirrored',
  'dropped',
  'failed',
] as const satisfies (keyof CandidateCounts)[];

export function addMirrorCounter(registry: Registry, mirror: Pick<MirrorCounts, 'all'>): void {
  new Counter({
    name: 'modelyard_gateway_mirrored_total',
    help: 'Requests the live model answered under a mirror, by tag, candidate and what became of the copy.',
    labelNames: ['tag', 'model', 'state'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { tag, modelId: model, counts } of mirror.all())
        for (const state of STATES) this.inc({ tag, model, state }, counts[state]);
    },
  });
}
