import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { durationMs } from '../temporal/duration.js';
import { passedOn, type ModelServerOptions } from './hosts/environment.js';
import type { InstanceSettings } from './hosts/instance.js';
import type { SharedRoom } from './hosts/plan.js';
import { DEFAULT_MIRROR, type MirrorSettings } from './mirror/settings.js';
import { DEFAULT_PREDICTION_LOG, type PredictionLogSettings } from './predictions/settings.js';

export interface GatewayLimits {
  /** Of one request's body. */
  bodyBytes: number;
  /** Of a model server's reply. */
  replyBytes: number;
  /** From a request to the last byte of its answer. */
  scoreTimeoutMs: number;
  /** Requests answered at once, and the bytes of their bodies. */
  inFlight: number;
  inFlightBytes: number;
  connections: number;
  hosts: number;
}

export interface GatewayOptions {
  dataDirectory: string;
  host: string;
  /** 0: a free one. */
  port: number;
  adminToken: string;
  modelServer: ModelServerOptions;
  limits: GatewayLimits;
  instances: InstanceSettings;
  mirror: MirrorSettings;
  predictions: PredictionLogSettings;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: GatewayLimits = {
  bodyBytes: 16 * MIB,
  replyBytes: 64 * MIB,
  scoreTimeoutMs: 60_000,
  inFlight: 2_048,
  inFlightBytes: 512 * MIB,
  connections: 4_096,
  hosts: 256,
};

export const DEFAULT_INSTANCES: InstanceSettings = {
  connections: 64,
  inFlight: 1_024,
  pingTimeoutMs: 2_000,
  pingEveryMs: { starting: 100, ready: 1_000 },
  hungAfterMissed: 30,
  graceMs: 15_000,
  logCapBytes: 5 * MIB,
};

export const DEFAULT_SHARED_ROOM: SharedRoom = { models: 64, memoryMib: 2_048 };

const USAGE = 'usage: main.js --data DIR [--host 127.0.0.1] [--port 0]';

const Arguments = z.object({
  data: z
    .string({ error: 'expected --data with the directory that holds routes and hosts' })
    .min(1),
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number({ error: 'expected a port number' }).int().min(0).max(65_535).default(0),
});

function jsonList(of: string) {
  return z
    .string()
    .default('[]')
    .transform((text, context) => {
      const names = z.array(z.string()).safeParse(parseJson(text));
      if (names.success) return names.data;
      context.addIssue({ code: 'custom', message: `expected a JSON list of ${of}, got ${text}` });
      return z.NEVER;
    });
}

const Environment = z.object({
  MODELYARD_GATEWAY_ADMIN_TOKEN: z
    .string({
      error: 'expected the token that the admin API asks for; set it here and for the workers',
    })
    .min(1, 'expected a token, got an empty one'),
  MODELYARD_GATEWAY_BODY_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(DEFAULT_LIMITS.bodyBytes),
  MODELYARD_GATEWAY_SCORE_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .positive()
    .default(DEFAULT_LIMITS.scoreTimeoutMs),
  MODELYARD_PYTHON: z.string().min(1).default('python3'),
  MODELYARD_HARNESS: z.string().min(1).optional(),
  MODELYARD_HOME: z.string().min(1).optional(),
  MODELYARD_ALLOWED_TYPES: jsonList('type names'),
  MODELYARD_PREDICTION_LOG: z.enum(['on', 'off']).default('on'),
  MODELYARD_PREDICTION_LOG_REDACT: jsonList('column names'),
  MODELYARD_PREDICTION_LOG_MAX_AGE: z
    .string()
    .default('30d')
    .transform((text, context) => {
      const ms = durationMs(text);
      if (ms !== undefined && ms > 0) return ms;
      context.addIssue({
        code: 'custom',
        message: `expected a duration such as '30d', got ${text}`,
      });
      return z.NEVER;
    }),
  MODELYARD_PREDICTION_LOG_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(DEFAULT_PREDICTION_LOG.maxBytes),
  MODELYARD_GATEWAY_SHARED_MODELS: z.coerce
    .number()
    .int()
    .positive()
    .default(DEFAULT_SHARED_ROOM.models),
  MODELYARD_GATEWAY_SHARED_MEMORY_MIB: z.coerce
    .number()
    .int()
    .positive()
    .default(DEFAULT_SHARED_ROOM.memoryMib),
  MLFLOW_TRACKING_URI: z.string().min(1).optional(),
});

/** Options from the command line and the environment; throws one error that names every problem. */
export function readOptions(argv: string[], environment: NodeJS.ProcessEnv): GatewayOptions {
  const given = Arguments.safeParse(parseArguments(argv));
  const env = Environment.safeParse(environment);
  if (!given.success || !env.success) {
    const problems = [...issuesOf(given, '--'), ...issuesOf(env, '')];
    throw new Error(`the gateway cannot start:\n${problems.join('\n')}\n${USAGE}`);
  }
  const dataDirectory = resolve(given.data.data);
  const { host, port } = given.data;
  const { data } = env;
  return {
    dataDirectory,
    host,
    port,
    adminToken: data.MODELYARD_GATEWAY_ADMIN_TOKEN,
    modelServer: {
      python: data.MODELYARD_PYTHON,
      harness: data.MODELYARD_HARNESS === undefined ? null : resolve(data.MODELYARD_HARNESS),
      home: resolve(data.MODELYARD_HOME ?? `${dataDirectory}/home`),
      trackingUri: data.MLFLOW_TRACKING_URI ?? null,
      allowedTypes: data.MODELYARD_ALLOWED_TYPES,
      shared: {
        models: data.MODELYARD_GATEWAY_SHARED_MODELS,
        memoryMib: data.MODELYARD_GATEWAY_SHARED_MEMORY_MIB,
      },
      passedOn: passedOn(environment),
    },
    limits: {
      ...DEFAULT_LIMITS,
      bodyBytes: data.MODELYARD_GATEWAY_BODY_LIMIT_BYTES,
      scoreTimeoutMs: data.MODELYARD_GATEWAY_SCORE_TIMEOUT_MS,
    },
    instances: DEFAULT_INSTANCES,
    mirror: DEFAULT_MIRROR,
    predictions: {
      ...DEFAULT_PREDICTION_LOG,
      enabled: data.MODELYARD_PREDICTION_LOG === 'on',
      redact: data.MODELYARD_PREDICTION_LOG_REDACT,
      maxAgeMs: data.MODELYARD_PREDICTION_LOG_MAX_AGE,
      maxBytes: data.MODELYARD_PREDICTION_LOG_MAX_BYTES,
    },
  };
}

function parseArguments(argv: string[]): unknown {
  const options = {
    data: { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
  } as const;
  return parseArgs({ args: argv, options, strict: true, allowPositionals: false }).values;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function issuesOf(parsed: z.ZodSafeParseResult<unknown>, prefix: string): string[] {
  return (
    parsed.error?.issues.map((issue) => `  ${prefix}${issue.path.join('.')}: ${issue.message}`) ??
    []
  );
}
