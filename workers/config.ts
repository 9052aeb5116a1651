import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { readRoster } from '../activities/approvals/roster.js';
import { Duration } from '../temporal/contracts/scalars.js';
import { durationMs } from '../temporal/duration.js';
import { failure } from '../temporal/errors.js';
import { DEFAULT_TASK_QUEUE } from '../temporal/names.js';
import { KubernetesCompute } from './kubernetes-config.js';

/** A secret is never in the file: it names an environment variable, or a mounted file, that holds it. */
const SecretReference = z.union([
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);
export type SecretReference = z.infer<typeof SecretReference>;

const Capacity = z.strictObject({
  cpu: z.number().positive(),
  memoryMiB: z.int().positive(),
  gpu: z.int().nonnegative().exactOptional(),
});

/** What a job of a class takes unless its definition says otherwise. */
const ClassSize = Capacity.required();

const ProcessCompute = z.strictObject({
  kind: z.literal('process'),
  /** One directory per job below it; survives the worker. */
  directory: z.string().min(1),
  /** Interpreter of the environment that sdk/python/requirements.txt describes. */
  python: z.string().min(1),
  /** Directory that contains the Python package `modelyard`. */
  harness: z.string().min(1),
  slots: Capacity,
  graceMs: z.int().positive().exactOptional(),
  logCapBytes: z.int().positive().exactOptional(),
});

const ProcessHosting = z.strictObject({
  kind: z.literal('process'),
  url: z.url(),
  adminToken: SecretReference,
});

const GatewayRouting = z.strictObject({
  kind: z.literal('gateway'),
  url: z.url(),
  adminToken: SecretReference,
});

const PublicKeys = z.array(z.string().min(1)).exactOptional();

/** Who may sign what, by public keys. A key is one person's and for one use, so all of them are read together. */
const Approvers = z
  .record(
    z.string().min(1).max(200),
    z.strictObject({ keys: PublicKeys, breakGlassKeys: PublicKeys }),
  )
  .superRefine((approvers, context) => {
    for (const { path, message } of readRoster(approvers).problems)
      context.addIssue({ code: 'custom', path, message });
  });

const SweepInterval = Duration.refine((text) => (durationMs(text) ?? 0) >= 1_000, {
  error: "expected at least '1s', or 'off'",
});

function targets<Target extends z.ZodType>(target: Target) {
  return z
    .strictObject({ default: z.string().min(1), targets: z.record(z.string().min(1), target) })
    .refine((of) => of.default in of.targets, {
      path: ['default'],
      error: (issue) => {
        const of = issue.input as { default: string; targets: object };
        return `expected one of the targets (${Object.keys(of.targets).join(', ')}), got '${of.default}'`;
      },
    });
}

/** One file for a worker. Definitions name a target or a class by word; what that word means stands here. */
export const WorkerConfig = z
  .strictObject({
    temporal: z
      .strictObject({
        address: z.string().min(1).optional(),
        namespace: z.string().min(1).optional(),
        apiKey: SecretReference.optional(),
        tls: z.boolean().optional(),
      })
      .optional(),
    taskQueue: z.string().min(1).optional(),
    /** Cache of code archives, environments and models; shared by jobs. */
    home: z.string().min(1),
    /** Address of the Temporal Web UI, for links. */
    webUi: z.url().optional(),
    registry: z.strictObject({
      trackingUri: z.url(),
      username: SecretReference.optional(),
      password: SecretReference.optional(),
      token: SecretReference.optional(),
      workspace: z.string().min(1).optional(),
    }),
    artifacts: z.strictObject({
      /** Only what lies below one of these is ever read or served. */
      roots: z.array(z.string().min(1)).min(1),
      /** Types a model may contain besides the ones the harness allows. */
      allowedTypes: z.array(z.string().min(1)).optional(),
    }),
    compute: targets(z.discriminatedUnion('kind', [ProcessCompute, KubernetesCompute])),
    hosting: targets(ProcessHosting),
    routing: targets(GatewayRouting),
    classes: z
      .strictObject({
        cpu: ClassSize.exactOptional(),
        gpu: ClassSize.exactOptional(),
        'high-memory': ClassSize.exactOptional(),
      })
      .optional(),
    secrets: z.record(z.string(), SecretReference).optional(),
    /** Absent: who approves and promotes is a claimed name, recorded as unverified. */
    approvers: Approvers.optional(),
    /** The Ed25519 private key, PEM PKCS#8, that signs exported ledger heads. */
    ledger: z.strictObject({ signingKey: SecretReference }).optional(),
    /** Sweeps that put right what differs from what the tags mean. */
    reconcile: z
      .strictObject({
        /** Between two sweeps; @default '30s' */
        every: z.union([z.literal('off'), SweepInterval]).optional(),
        /** What becomes of a champion alias that was moved in MLflow by hand; @default 'restore' */
        onForeignAlias: z.enum(['restore', 'adopt']).optional(),
      })
      .optional(),
    /** Milliseconds a stopping worker gives to what is under way. */
    shutdownGraceMs: z.int().nonnegative().optional(),
  })
  .superRefine(({ compute, artifacts: { roots } }, context) => {
    for (const [name, target] of Object.entries(compute.targets)) {
      const results = 'results' in target ? target.results : undefined;
      if (results === undefined || roots.includes(results)) continue;
      const message = `expected one of artifacts.roots (${roots.join(', ')}), got ${results}`;
      context.addIssue({ code: 'custom', path: ['compute', 'targets', name, 'results'], message });
    }
  });
export type WorkerConfig = z.infer<typeof WorkerConfig>;
export type WorkerConfigInput = z.input<typeof WorkerConfig>;

/** Environment variables that fill what a file leaves out. */
const FROM_ENVIRONMENT: {
  path: readonly [string, string] | readonly [string];
  variable: string;
}[] = [
  { path: ['temporal', 'address'], variable: 'TEMPORAL_ADDRESS' },
  { path: ['temporal', 'namespace'], variable: 'TEMPORAL_NAMESPACE' },
  { path: ['taskQueue'], variable: 'MODELYARD_TASK_QUEUE' },
  { path: ['home'], variable: 'MODELYARD_HOME' },
  { path: ['registry', 'trackingUri'], variable: 'MLFLOW_TRACKING_URI' },
];

/** Parses a worker's configuration; throws one error that names every problem and the variable that could fill it. */
export function parseConfig(
  input: unknown,
  environment: NodeJS.ProcessEnv = process.env,
): WorkerConfig & { taskQueue: string } {
  const parsed = WorkerConfig.safeParse(filled(input, environment));
  if (!parsed.success) throw misconfigured(parsed.error);
  return { ...parsed.data, taskQueue: parsed.data.taskQueue ?? DEFAULT_TASK_QUEUE };
}

export async function readConfig(file: string): Promise<WorkerConfig & { taskQueue: string }> {
  if (/\.[cm]?[jt]s$/.test(file)) {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return parseConfig(module.default);
  }
  return parseConfig(JSON.parse(await readFile(file, 'utf8')));
}

function filled(input: unknown, environment: NodeJS.ProcessEnv): unknown {
  if (input === null || typeof input !== 'object') return input;
  const config = structuredClone(input) as Record<string, unknown>;
  for (const { path, variable } of FROM_ENVIRONMENT) {
    const value = environment[variable];
    if (value === undefined) continue;
    const [section, field] = path;
    if (field === undefined) config[section] ??= value;
    else config[section] = { [field]: value, ...(config[section] as object | undefined) };
  }
  return config;
}

function misconfigured(error: z.ZodError): Error {
  const lines = error.issues.map(({ path, message }) => {
    const at = path.join('.');
    const variable = FROM_ENVIRONMENT.find((entry) => entry.path.join('.') === at)?.variable;
    return `  ${at || '(the file)'}: ${message}${variable === undefined ? '' : ` (or set ${variable})`}`;
  });
  return failure('Misconfigured', `the worker's configuration is not valid:\n${lines.join('\n')}`);
}
