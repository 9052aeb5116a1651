import type { ServerPlan, SharedRoom } from './plan.js';

/** How model servers are started. */
export interface ModelServerOptions {
  /** Interpreter that runs `-m modelyard`. */
  python: string;
  /** Directory that holds the package `modelyard`; null where the interpreter has it installed. */
  harness: string | null;
  /** Cache directory shared by jobs and model servers. */
  home: string;
  trackingUri: string | null;
  allowedTypes: string[];
  /** Of every server that many models share. */
  shared: SharedRoom;
  /** What of the gateway's own environment they are given. */
  passedOn: Record<string, string>;
}

const PASSED_ON = new Set([
  'HOME', 'USER', 'LANG', 'LANGUAGE', 'PATH', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'PYTHONPATH',
  'REQUESTS_CA_BUNDLE', 'SSL_CERT_DIR', 'SSL_CERT_FILE',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy',
  'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS',
]); // prettier-ignore
const PASSED_ON_PREFIXES = ['LC_', 'MLFLOW_TRACKING_', 'AWS_'];

/** An allow-list, because the rest of the environment holds the gateway's own secrets. */
export function passedOn(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    const wanted =
      PASSED_ON.has(name) || PASSED_ON_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (wanted && value !== undefined) kept[name] = value;
  }
  return kept;
}

export const INSTANCE_VARIABLE = 'MODELYARD_HOST_INSTANCE';

/** The environment of a step of the harness that serves. */
export function serveEnvironment(
  plan: ServerPlan,
  options: ModelServerOptions,
  at: { address: string; port: number; instance: string },
): Record<string, string> {
  const paths = [options.harness, options.passedOn['PYTHONPATH']].filter(Boolean);
  return {
    ...options.passedOn,
    ...(paths.length > 0 && { PYTHONPATH: paths.join(':') }),
    ...(options.trackingUri !== null && { MLFLOW_TRACKING_URI: options.trackingUri }),
    HOST: at.address,
    PORT: String(at.port),
    ...plan.environment,
    MODELYARD_ALLOWED_TYPES: JSON.stringify(options.allowedTypes),
    MODELYARD_HOME: options.home,
    [INSTANCE_VARIABLE]: at.instance,
  };
}
