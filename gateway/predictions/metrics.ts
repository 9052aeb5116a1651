import { Counter, type Registry } from 'prom-client';
import type { PredictionCounts } from './counts.js';

export function addPredictionCounter(registry: Registry, log: Pick<PredictionCounts, 'all'>): void {
  new Counter({
    name: 'modelyard_gateway_predictions_total',
    help: 'Scored requests that the prediction log has written and those it has lost, by tag.',
    labelNames: ['tag', 'state'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { tag, counts } of log.all()) {
        this.inc({ tag, state: 'written' }, counts.written);
        this.inc({ tag, state: 'lost' }, counts.lost);
      }
    },
  });
}
