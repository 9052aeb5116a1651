import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { z } from 'zod';
import { DEFAULT_TASK_QUEUE } from '../temporal/names.js';
import { ConfigError } from './errors.js';
import { check, listIssues } from './issues.js';
import type { Signer } from './signer.js';

/** Every field is optional: an absent one is taken from its environment variable, then from its default. */
export interface PlatformOptions {
  temporal?: {
    /** TEMPORAL_ADDRESS. @default 'localhost:7233' */
    address?: string;
    /** TEMPORAL_NAMESPACE. @default 'default' */
    namespace?: string;
    /** TEMPORAL_API_KEY; implies TLS. */
    apiKey?: string;
    /** TEMPORAL_TLS ('true' or 'false') and TEMPORAL_TLS_{CLIENT_CERT,CLIENT_KEY,SERVER_CA_CERT}_PATH; true or Temporal's TLS options. */
    tls?: unknown;
    /** TEMPORAL_UI_URL: where the Web UI is, so that handles can link to it. */
    uiUrl?: string;
  };
  /** MODELYARD_TASK_QUEUE. @default 'modelyard' */
  taskQueue?: string;
  /** MLFLOW_TRACKING_URI; only `models.apply` needs it, to upload the code archive. */
  mlflow?: { trackingUri?: string };
  /** MODELYARD_GATEWAY_URL and MODELYARD_GATEWAY_TOKEN; only `score` needs them. */
  gateway?: { url?: string; token?: string };
  /** MODELYARD_ACTOR: who asks, for the ledger. @default the user of the operating system */
  actor?: string;
  /**
   * MODELYARD_SIGNER_KEY_FILE or MODELYARD_SIGNER_SSH_AGENT: signs approvals and promotes, in this process. @default none:
   * they are not signed
   */
  signer?: Signer;
}

/** What the rest of the package sees: nothing is optional, null says "not known". */
export interface ResolvedOptions {
  temporal: {
    address: string;
    namespace: string;
    apiKey: string | null;
    tls: unknown;
    uiUrl: string | null;
  };
  taskQueue: string;
  mlflow: { trackingUri: string | null; authorization: string | null };
  gateway: { url: string | null; token: string | null };
  actor: string;
  signer: Signer | null;
}

type Environment = Record<string, string | undefined>;

const HttpUrl = z.url({
  protocol: /^https?$/,
  error: (issue) => `expected an http(s) URL, got ${JSON.stringify(issue.input)}`,
});
const Text = z.string().min(1).max(1000);
const Address = z.string().regex(/^[^\s/]+:\d+$/, {
  error: (issue) => `expected "host:port", got ${JSON.stringify(issue.input)}`,
});

const SIGNER_EXPECTED =
  'expected { keyFile: <path> }, { sshAgent: <socket> } (MODELYARD_SIGNER_KEY_FILE, MODELYARD_SIGNER_SSH_AGENT) or a function that signs';
const Place = z.string().min(1, SIGNER_EXPECTED);
const AnySigner = z.union(
  [
    z.strictObject({ keyFile: Place }),
    z.strictObject({ sshAgent: Place }),
    z.custom<Signer>((value) => typeof value === 'function'),
  ],
  SIGNER_EXPECTED,
);

/** The shape of the options as given: a misspelt name is refused rather than ignored. */
const Given = z.strictObject({
  temporal: z
    .strictObject({
      address: z.string().optional(),
      namespace: z.string().optional(),
      apiKey: z.string().optional(),
      tls: z.unknown(),
      uiUrl: z.string().optional(),
    })
    .partial()
    .optional(),
  taskQueue: z.string().optional(),
  mlflow: z.strictObject({ trackingUri: z.string().optional() }).optional(),
  gateway: z.strictObject({ url: z.string().optional(), token: z.string().optional() }).optional(),
  actor: z.string().optional(),
  signer: AnySigner.optional(),
});

/** Option, then environment variable, then default; values of all three pass the same checks, and all problems are told at once. */
export function resolveOptions(
  options: PlatformOptions = {},
  environment: Environment = process.env,
): ResolvedOptions {
  const shape = check(Given, options);
  if ('issues' in shape)
    throw new ConfigError(listIssues('Platform.connect: the options are not valid', shape.issues));
  const problems: string[] = [];
  const pick = <T>(
    schema: z.ZodType<T>,
    name: string,
    given: string | undefined,
    variable: string,
  ): T | undefined => {
    const value = given ?? (environment[variable] === '' ? undefined : environment[variable]);
    if (value === undefined) return undefined;
    const outcome = check(schema, value);
    if ('value' in outcome) return outcome.value;
    problems.push(
      `${name} (the option, or ${variable}): ${outcome.issues.map((issue) => issue.message).join('; ')}`,
    );
    return undefined;
  };
  const apiKey =
    pick(Text, 'temporal.apiKey', options.temporal?.apiKey, 'TEMPORAL_API_KEY') ?? null;
  const resolved: ResolvedOptions = {
    temporal: {
      address:
        pick(Address, 'temporal.address', options.temporal?.address, 'TEMPORAL_ADDRESS') ??
        'localhost:7233',
      namespace:
        pick(Text, 'temporal.namespace', options.temporal?.namespace, 'TEMPORAL_NAMESPACE') ??
        'default',
      apiKey,
      tls: options.temporal?.tls ?? tlsFrom(environment, apiKey !== null),
      uiUrl: pick(HttpUrl, 'temporal.uiUrl', options.temporal?.uiUrl, 'TEMPORAL_UI_URL') ?? null,
    },
    taskQueue:
      pick(Text, 'taskQueue', options.taskQueue, 'MODELYARD_TASK_QUEUE') ?? DEFAULT_TASK_QUEUE,
    mlflow: {
      trackingUri:
        pick(HttpUrl, 'mlflow.trackingUri', options.mlflow?.trackingUri, 'MLFLOW_TRACKING_URI') ??
        null,
      authorization: mlflowAuthorization(environment),
    },
    gateway: {
      url: pick(HttpUrl, 'gateway.url', options.gateway?.url, 'MODELYARD_GATEWAY_URL') ?? null,
      token: pick(Text, 'gateway.token', options.gateway?.token, 'MODELYARD_GATEWAY_TOKEN') ?? null,
    },
    actor:
      pick(z.string().min(1).max(200), 'actor', options.actor, 'MODELYARD_ACTOR') ?? systemUser(),
    signer: options.signer ?? signerFrom(environment),
  };
  if (problems.length > 0) throw new ConfigError(`Platform.connect: ${problems.join('; ')}`);
  return resolved;
}

/** The value, or a ConfigError that names both ways to set it. */
export function required<T>(
  value: T | null,
  setting: { option: string; variable: string; neededBy: string },
): T {
  if (value !== null) return value;
  throw new ConfigError(
    `${setting.neededBy} needs ${setting.option}: set the option ${setting.option} of Platform.connect or the environment variable ${setting.variable}`,
  );
}

function tlsFrom(environment: Environment, secured: boolean): unknown {
  const files = {
    clientCert: environment['TEMPORAL_TLS_CLIENT_CERT_PATH'],
    clientKey: environment['TEMPORAL_TLS_CLIENT_KEY_PATH'],
    serverCa: environment['TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
  };
  if (environment['TEMPORAL_TLS'] === 'false') return false;
  const { clientCert, clientKey, serverCa } = files;
  const tls = {
    ...(clientCert &&
      clientKey && { clientCertPair: { crt: readFile(clientCert), key: readFile(clientKey) } }),
    ...(serverCa && { serverRootCACertificate: readFile(serverCa) }),
  };
  if (Object.keys(tls).length > 0) return tls;
  return secured || environment['TEMPORAL_TLS'] === 'true';
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`TEMPORAL_TLS_…_PATH (or the option temporal.tls): cannot read ${path}`, {
      cause: error,
    });
  }
}

/** MLflow's own variables, so that one shell setting serves its client and ours. */
function mlflowAuthorization(environment: Environment): string | null {
  const token = environment['MLFLOW_TRACKING_TOKEN'];
  if (token) return `Bearer ${token}`;
  const user = environment['MLFLOW_TRACKING_USERNAME'];
  const password = environment['MLFLOW_TRACKING_PASSWORD'] ?? '';
  return user ? `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` : null;
}

function signerFrom(environment: Environment): Signer | null {
  const keyFile = environment['MODELYARD_SIGNER_KEY_FILE'];
  const sshAgent = environment['MODELYARD_SIGNER_SSH_AGENT'];
  if (keyFile && sshAgent)
    throw new ConfigError(
      'signer: expected one of MODELYARD_SIGNER_KEY_FILE and MODELYARD_SIGNER_SSH_AGENT, both are set; unset one, or set the option signer of Platform.connect',
    );
  if (keyFile) return { keyFile };
  return sshAgent ? { sshAgent } : null;
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a uid that no passwd file lists.
    return `uid ${String(process.getuid?.() ?? 'unknown')}`;
  }
}
