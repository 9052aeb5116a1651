import { z } from 'zod';
import { GatePolicy } from './gate.js';
import { rolloutContradictions, type Contradiction } from './rollout-contradictions.js';
import { RolloutPolicy, ServingSpec } from './rollout.js';
import { ModelTag } from './scalars.js';
import { ScheduleSpec } from './schedule.js';
import { shadowContradictions } from './shadow-contradictions.js';
import { ShadowPolicy } from './shadow.js';
import { EvaluationSpec, MAX_PARAMS_BYTES, TrainingSpec } from './training.js';

const Shape = z.strictObject({
  tag: ModelTag,
  description: z.string().max(2000).optional(),
  owner: z.strictObject({ team: z.string().min(1).max(200), contact: z.string().min(1).max(200) }),
  tier: z.enum(['critical', 'standard', 'experimental']).optional(),
  training: TrainingSpec,
  evaluation: EvaluationSpec.optional(),
  gate: GatePolicy,
  shadow: ShadowPolicy.optional(),
  rollout: RolloutPolicy.optional(),
  serving: ServingSpec.optional(),
  schedule: ScheduleSpec.optional(),
  whenBusy: z.enum(['queue-latest', 'supersede', 'reject']).optional(),
});

type Definition = z.infer<typeof Shape>;

/** What a team declares for a tag. Fields that contradict each other are named with the path to change. */
export const ModelDefinition = Shape.superRefine((definition, context) => {
  for (const { path, message } of contradictions(definition)) {
    context.addIssue({ code: 'custom', path, message });
  }
});
export type ModelDefinition = z.infer<typeof ModelDefinition>;

function contradictions(definition: Definition): Contradiction[] {
  return [
    ...notYet(definition),
    ...dataContradictions(definition),
    ...columnContradictions(definition),
    ...codeContradictions(definition),
    ...gateContradictions(definition),
    ...rolloutContradictions(definition.rollout ?? {}, new Date().toISOString()),
    ...shadowContradictions(definition.shadow, definition),
    ...paramsContradictions(definition),
  ];
}

/** What this release would silently leave out is refused: an approval that is not asked for is worse than none. */
function notYet({ serving }: Definition): Contradiction[] {
  const parts: [unknown, string][] = [
    [serving?.replicas, 'serving.replicas'],
    [serving?.instanceType, 'serving.instanceType'],
    [serving?.scaling, 'serving.scaling'],
  ];
  return parts
    .filter(([part]) => part !== undefined)
    .map(([, path]) => ({ path: path.split('.'), message: 'not in this release; leave it out' }));
}

function dataContradictions({ training, gate }: Definition): Contradiction[] {
  const found: Contradiction[] = [];
  const timed = training.data.timeColumn !== undefined;
  const needsTime = (path: (string | number)[], what: string): void => {
    if (!timed) found.push({ path, message: `${what} needs training.data.timeColumn` });
  };
  if (training.holdout.kind === 'last')
    needsTime(['training', 'holdout', 'kind'], "a holdout of kind 'last'");
  if (training.labelDelay !== undefined) needsTime(['training', 'labelDelay'], 'labelDelay');
  if (training.data.kind === 'parquet' && training.data.window !== undefined) {
    needsTime(['training', 'data', 'window'], 'window');
  }
  if (training.data.kind === 'sql' && gate.autoPromote === true) {
    found.push({
      path: ['training', 'data', 'kind'],
      message:
        "'sql' is for experiments: it cannot feed a tag whose gate promotes on its own; use 'parquet' or set gate.autoPromote to false",
    });
  }
  return found;
}

function columnContradictions({ training }: Definition): Contradiction[] {
  const found: Contradiction[] = [];
  const seen = new Set<string>();
  training.features.forEach((column, index) => {
    const path = ['training', 'features', index];
    if (column === training.label)
      found.push({ path, message: `the label '${column}' cannot be a feature` });
    if (seen.has(column)) found.push({ path, message: `'${column}' is listed twice` });
    seen.add(column);
  });
  return found;
}

/** An image brings no code that could be run beside its model. */
function codeContradictions({ training, evaluation }: Definition): Contradiction[] {
  const python = training.code.kind === 'python';
  const own = evaluation?.entry !== undefined;
  const said = (path: string[], message: string): Contradiction[] => [{ path, message }];
  if (!python && own)
    return said(['evaluation', 'entry'], "needs training.code of kind 'python'; leave it out");
  if (training.task !== 'custom' || own) return [];
  const none = "a task of kind 'custom' has no metrics of its own; ";
  return python
    ? said(['evaluation', 'entry'], `${none}name your evaluation as "file.py:function"`)
    : said(['training', 'task'], `${none}with an image, choose another`);
}

function gateContradictions({ gate, evaluation }: Definition): Contradiction[] {
  const found: Contradiction[] = [];
  gate.metrics.forEach((rule, index) => {
    const column = rule.slice?.split('=', 1)[0];
    if (column !== undefined && !(evaluation?.slices ?? []).includes(column)) {
      found.push({
        path: ['gate', 'metrics', index, 'slice'],
        message: `'${column}' is not in evaluation.slices, so no such slice is measured`,
      });
    }
  });
  if (gate.metrics.every((rule) => rule.dryRun === true)) {
    found.push({
      path: ['gate', 'metrics'],
      message: 'every rule is a dry run, so nothing decides and nothing can pass',
    });
  }
  if (gate.firstModel !== 'hold' && gate.autoPromote === true) {
    const judges = gate.metrics.some(
      (rule) => rule.threshold !== undefined && rule.dryRun !== true,
    );
    if (!judges) {
      found.push({
        path: ['gate', 'firstModel'],
        message:
          "without a threshold nothing judges the first model; give a rule a threshold or set firstModel to 'hold'",
      });
    }
  }
  return found;
}

function paramsContradictions({ training }: Definition): Contradiction[] {
  const bytes = new TextEncoder().encode(JSON.stringify(training.params ?? {})).byteLength;
  if (bytes <= MAX_PARAMS_BYTES) return [];
  return [
    {
      path: ['training', 'params'],
      message: `expected at most ${String(MAX_PARAMS_BYTES)} bytes of JSON, got ${String(bytes)}`,
    },
  ];
}
