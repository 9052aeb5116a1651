import { z } from 'zod';

/** MLflow leaves out empty lists and unset fields; what the platform cannot do without is required here. */
const Pairs = z
  .array(z.object({ key: z.string(), value: z.string().optional() }))
  .optional()
  .transform((pairs) =>
    Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, value ?? ''])),
  );

const NumberedVersion = z
  .string()
  .regex(/^[1-9]\d{0,8}$/)
  .transform(Number);

const Run = z
  .object({
    info: z.object({
      run_id: z.string().min(1),
      experiment_id: z.string().min(1),
      status: z.string().optional(),
      start_time: z.int().optional(),
      artifact_uri: z.string().min(1),
    }),
    data: z.object({ params: Pairs, tags: Pairs }).optional(),
  })
  .transform(({ info, data }) => ({
    runId: info.run_id,
    experimentId: info.experiment_id,
    status: info.status ?? '',
    startTimeMs: info.start_time ?? 0,
    artifactUri: info.artifact_uri,
    params: data?.params ?? {},
    tags: data?.tags ?? {},
  }));
export type Run = z.output<typeof Run>;

const ModelVersion = z
  .object({
    version: NumberedVersion,
    source: z.string().optional(),
    run_id: z.string().optional(),
    tags: Pairs,
  })
  .transform(({ run_id, source, ...rest }) => ({
    ...rest,
    source: source ?? '',
    runId: run_id ?? '',
  }));
export type ModelVersion = z.output<typeof ModelVersion>;

const PageToken = z
  .string()
  .optional()
  .transform((token) => (token === '' ? undefined : token));

/** JSON has no word for what is not finite: MLflow writes NaN as a string, and an infinity as the largest double. */
const MetricValue = z
  .union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
  .transform(Number)
  .transform((value) => (Math.abs(value) < Number.MAX_VALUE ? value : NaN));

const Metric = z
  .object({
    value: MetricValue,
    timestamp: z.int().min(0).max(Date.parse('9999-12-31T23:59:59.999Z')),
    step: z.int().optional(),
  })
  .transform(({ value, timestamp, step }) => ({ value, atMs: timestamp, step: step ?? 0 }));
export type Metric = z.output<typeof Metric>;

export const Done = z.unknown();
export const CreatedExperiment = z.object({ experiment_id: z.string().min(1) });

const Experiment = z
  .object({
    experiment_id: z.string().min(1),
    lifecycle_stage: z.string().optional(),
    tags: Pairs,
  })
  .transform(({ experiment_id, lifecycle_stage, tags }) => ({
    experimentId: experiment_id,
    deleted: lifecycle_stage === 'deleted',
    tags,
  }));
export const ExperimentAnswer = z
  .object({ experiment: Experiment })
  .transform(({ experiment }) => experiment);
export const ExperimentPage = z
  .object({ experiments: z.array(Experiment).optional(), next_page_token: PageToken })
  .transform((page) => ({ items: page.experiments ?? [], next: page.next_page_token }));
export const RunAnswer = z.object({ run: Run }).transform(({ run }) => run);
export const RunPage = z
  .object({ runs: z.array(Run).optional(), next_page_token: PageToken })
  .transform((page) => ({ items: page.runs ?? [], next: page.next_page_token }));
export const MetricPage = z
  .object({ metrics: z.array(Metric).optional(), next_page_token: PageToken })
  .transform((page) => ({ items: page.metrics ?? [], next: page.next_page_token }));
export const ModelVersionAnswer = z
  .object({ model_version: ModelVersion })
  .transform((answer) => answer.model_version);
export const ModelVersionPage = z
  .object({ model_versions: z.array(ModelVersion).optional(), next_page_token: PageToken })
  .transform((page) => ({ items: page.model_versions ?? [], next: page.next_page_token }));

const RegisteredModel = z
  .object({
    name: z.string(),
    description: z.string().optional(),
    tags: Pairs,
    aliases: z
      .array(z.object({ alias: z.string(), version: NumberedVersion }))
      .optional()
      .transform((aliases) =>
        Object.fromEntries((aliases ?? []).map(({ alias, version }) => [alias, version])),
      ),
  })
  .transform((model) => ({ ...model, description: model.description ?? '' }));
export const RegisteredModelAnswer = z
  .object({ registered_model: RegisteredModel })
  .transform(({ registered_model: model }) => model);
export const RegisteredModelPage = z
  .object({ registered_models: z.array(RegisteredModel).optional(), next_page_token: PageToken })
  .transform((page) => ({ items: page.registered_models ?? [], next: page.next_page_token }));
export type RegisteredModelState = z.output<typeof RegisteredModelAnswer>;
