import type { EvaluationSpec, TrainingSpec } from './training.js';

/** What of a definition says what can be measured of its live traffic. */
export interface Measurable {
  training: Pick<TrainingSpec, 'features'>;
  evaluation?: EvaluationSpec | undefined;
}

/** Compared row by row, also those of a slice. */
const OF_ROWS = ['disagreement_rate', 'score_mean_abs_diff', 'score_mean_shift', 'score_psi'];
/** In the report only: it is good when it is large, and a check bounds it from above. */
const REPORTED = 'agreement_rate';
const OF_REQUESTS = ['latency_p50_ratio', 'latency_p95_ratio', 'error_rate'];
const INPUT_PSI = 'input_psi:';
const SLICED = /^([^[]+)\[([^=]+)=(.*)\]$/s;

/** Why no shadow window of the tag can be judged by it; null when one can. */
export function shadowMetricProblem(
  metric: string,
  { training, evaluation }: Measurable,
): string | null {
  if (metric.startsWith(INPUT_PSI)) {
    const column = metric.slice(INPUT_PSI.length);
    if (training.features.includes(column)) return null;
    return `'${column}' is not in training.features, so its inputs are not compared`;
  }
  const [, name = metric, column] = SLICED.exec(metric) ?? [];
  if (column === undefined && OF_REQUESTS.includes(name)) return null;
  if (name === REPORTED)
    return `'${metric}' is good when it is large, and a check is an upper bound; expected 'disagreement_rate${metric.slice(name.length)}', which is 1 - ${REPORTED}`;
  if (!OF_ROWS.includes(name))
    return `no shadow window measures '${metric}'; expected ${[...OF_ROWS, ...OF_REQUESTS].join(', ')} or ${INPUT_PSI}<feature>; for a slice one of the first ${String(OF_ROWS.length)} as <metric>[<column>=<value>]`;
  if (column === undefined || (evaluation?.slices ?? []).includes(column)) return null;
  return `'${column}' is not in evaluation.slices, so no such slice is measured`;
}
