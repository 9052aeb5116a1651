import { z } from 'zod';
import { ColumnName, Digest, Duration } from './scalars.js';

/** 64 KiB: what a definition's or a run's `params` may measure as JSON after merging. */
export const MAX_PARAMS_BYTES = 65_536;

export const Params = z.record(z.string().min(1).max(200), z.unknown());
export type Params = z.infer<typeof Params>;

export const RowFilter = z.strictObject({
  column: ColumnName,
  op: z.enum(['=', '!=', '<', '<=', '>', '>=', 'in']),
  value: z.unknown(),
});
export type RowFilter = z.infer<typeof RowFilter>;

export const DataSource = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('parquet'),
    uri: z.string().min(1).max(2000),
    timeColumn: ColumnName.optional(),
    window: Duration.optional(),
    where: z.array(RowFilter).max(50).optional(),
  }),
  z.strictObject({
    kind: z.literal('sql'),
    connection: z.string().min(1).max(2000),
    query: z.string().min(1).max(20_000),
    timeColumn: ColumnName.optional(),
  }),
]);
export type DataSource = z.infer<typeof DataSource>;

export const Holdout = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('last'), duration: Duration }),
  z.strictObject({
    kind: z.literal('fraction'),
    fraction: z.number().gt(0).lt(1),
    seed: z.int(),
    key: z.array(ColumnName).min(1).max(20).optional(),
  }),
]);
export type Holdout = z.infer<typeof Holdout>;

/** Relative path without '..' below the code directory, then ':' and a Python identifier. */
const Entry = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|:))[^:\\]+\.py:[A-Za-z_]\w*$/, {
  error: (issue) =>
    `expected "file.py:function" below the code directory, got ${JSON.stringify(issue.input)}`,
});

export const Code = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('python'),
    directory: z.string().min(1).max(4000),
    entry: Entry,
    digest: Digest.optional(),
  }),
  z.strictObject({
    kind: z.literal('image'),
    image: z.string().regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, {
      error: (issue) =>
        `expected an image by digest, "name@sha256:…", got ${JSON.stringify(issue.input)}`,
    }),
    command: z.array(z.string()).max(100).optional(),
  }),
]);
export type Code = z.infer<typeof Code>;

export const Resources = z.strictObject({
  class: z.enum(['cpu', 'gpu', 'high-memory']),
  cpu: z.number().positive().max(1024).optional(),
  memoryMiB: z.int().positive().max(16_777_216).optional(),
  gpu: z.int().nonnegative().max(64).optional(),
});
export type Resources = z.infer<typeof Resources>;

export const Task = z.enum([
  'binary-classification',
  'multiclass-classification',
  'regression',
  'custom',
]);
export type Task = z.infer<typeof Task>;

export const TrainingSpec = z.strictObject({
  task: Task,
  code: Code,
  data: DataSource,
  features: z.array(ColumnName).min(1).max(10_000),
  label: ColumnName,
  holdout: Holdout,
  labelDelay: Duration.optional(),
  secrets: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/), z.string().min(1)).optional(),
  params: Params.optional(),
  resources: Resources.optional(),
  timeout: Duration.optional(),
  maxAttempts: z.int().min(1).max(20).optional(),
});
export type TrainingSpec = z.infer<typeof TrainingSpec>;

export const EvaluationSpec = z.strictObject({
  entry: Entry.optional(),
  slices: z.array(ColumnName).max(20).optional(),
  cluster: z.array(ColumnName).max(10).optional(),
});
export type EvaluationSpec = z.infer<typeof EvaluationSpec>;
