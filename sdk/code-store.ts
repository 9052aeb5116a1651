import { setTimeout as sleep } from 'node:timers/promises';
import { sha256Hex } from '../temporal/digest.js';
import type { CodeArchive } from './code-archive.js';
import { ConfigError, IntegrityError, UnavailableError, type ModelyardError } from './errors.js';
import { required, type ResolvedOptions } from './options.js';

const TIMEOUT_MS = 60_000;
const ATTEMPTS = 4;
const FIRST_BACKOFF_MS = 200;

/** The place of an archive: its content's name, so that uploading it twice is uploading it once. */
export function codeUri(digest: string): string {
  return `mlflow-artifacts:/modelyard/code/${digest.slice('sha256:'.length)}.tar.gz`;
}

/** Puts the archive where jobs find it and reads it back; does nothing when it is there already. */
export async function storeCode(options: ResolvedOptions, archive: CodeArchive): Promise<string> {
  const trackingUri = required(options.mlflow.trackingUri, {
    option: 'mlflow.trackingUri',
    variable: 'MLFLOW_TRACKING_URI',
    neededBy: 'models.apply',
  });
  const uri = codeUri(archive.digest);
  const path = uri.slice('mlflow-artifacts:/'.length);
  const url = `${trackingUri.replace(/\/+$/, '')}/api/2.0/mlflow-artifacts/artifacts/${path}`;
  const store = { url, authorization: options.mlflow.authorization };
  if ((await digestThere(store)) === archive.digest) return uri;
  await ask(store, { method: 'PUT', body: archive.content });
  const actual = await digestThere(store);
  if (actual === archive.digest) return uri;
  throw new IntegrityError(
    `The code archive at ${url} reads back with another content than was written`,
    {
      expected: archive.digest,
      actual: actual ?? 'nothing',
    },
  );
}

interface Place {
  url: string;
  authorization: string | null;
}

/** The digest of what lies there now; null when nothing does. */
async function digestThere(place: Place): Promise<string | null> {
  const response = await ask(place, { method: 'GET' }, isMissing);
  if (!response.ok) return null;
  return `sha256:${sha256Hex(new Uint8Array(await response.arrayBuffer()))}`;
}

/** Some of MLflow's artifact stores answer 500 with the store's own text for an object that is not there. */
const isMissing = (status: number, body: string): boolean =>
  status === 404 || (status >= 400 && /not found|no such|does not exist|NoSuchKey/i.test(body));

async function ask(
  place: Place,
  request: { method: string; body?: Uint8Array },
  acceptable: (status: number, body: string) => boolean = () => false,
): Promise<Response> {
  let problem: ModelyardError | undefined;
  for (
    let attempt = 1, backoffMs = FIRST_BACKOFF_MS;
    attempt <= ATTEMPTS;
    attempt += 1, backoffMs *= 2
  ) {
    if (attempt > 1) await sleep(backoffMs);
    const outcome = await attemptOnce(place, request, acceptable);
    if (outcome instanceof Response) return outcome;
    problem = outcome;
    if (!(problem instanceof UnavailableError)) break;
  }
  throw problem ?? new UnavailableError(`MLflow at ${place.url} was not asked`, 'mlflow');
}

async function attemptOnce(
  place: Place,
  request: { method: string; body?: Uint8Array },
  acceptable: (status: number, body: string) => boolean,
): Promise<Response | ModelyardError> {
  try {
    const response = await fetch(place.url, {
      method: request.method,
      headers: {
        ...(request.body && { 'content-type': 'application/octet-stream' }),
        ...(place.authorization !== null && { authorization: place.authorization }),
      },
      ...(request.body && { body: Buffer.from(request.body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return response;
    const body = await response.text();
    if (acceptable(response.status, body)) return new Response(null, { status: 404 });
    return refused(place.url, response.status, body);
  } catch (error) {
    return new UnavailableError(
      `MLflow did not answer at ${place.url}; start it or correct mlflow.trackingUri (MLFLOW_TRACKING_URI)`,
      'mlflow',
      { cause: error },
    );
  }
}

function refused(url: string, status: number, body: string): ModelyardError {
  const said = `MLflow answered ${String(status)} at ${url}: ${body.slice(0, 300)}`;
  if (status === 401 || status === 403) {
    return new ConfigError(
      `${said}; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN`,
    );
  }
  if (status === 429 || status >= 500) return new UnavailableError(said, 'mlflow');
  return new ConfigError(
    `${said}; is mlflow.trackingUri (MLFLOW_TRACKING_URI) an MLflow server that serves artifacts?`,
  );
}
