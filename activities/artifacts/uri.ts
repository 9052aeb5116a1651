import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure } from '../../temporal/errors.js';

export type ArtifactUri =
  { scheme: 'mlflow-artifacts'; path: string } | { scheme: 'file'; path: string };

/**
 * Reads `mlflow-artifacts:/<path>`, `file:///<path>` or an absolute path. Refuses (InvalidRequest) every other scheme,
 * another host, and a path that is not in normal form: a prefix check would not hold against '..'.
 */
export function parseArtifactUri(uri: string): ArtifactUri {
  if (uri.startsWith('mlflow-artifacts:'))
    return { scheme: 'mlflow-artifacts', path: proxied(uri) };
  if (uri.startsWith('file:') || isAbsolute(uri)) return { scheme: 'file', path: local(uri) };
  throw unfit(uri, 'a uri of scheme mlflow-artifacts: or file:');
}

/** The path that the artifact proxy knows for `uri`; refuses what the proxy does not keep. */
export function mlflowArtifactPath(uri: string): string {
  const parsed = parseArtifactUri(uri);
  if (parsed.scheme === 'mlflow-artifacts') return parsed.path;
  throw unfit(uri, 'a uri of scheme mlflow-artifacts:; start MLflow with --serve-artifacts');
}

function proxied(uri: string): string {
  const match = /^mlflow-artifacts:\/(?!\/)(.*)$/s.exec(uri);
  const path = match?.[1]?.replace(/\/$/, '');
  if (path === undefined) throw unfit(uri, 'mlflow-artifacts:/<path>, without a host');
  const isNormal = path === '' || path.split('/').every((part) => !['', '.', '..'].includes(part));
  if (!isNormal || path.includes('\\') || path.includes('\0'))
    throw unfit(uri, "a path without '..'");
  return path;
}

function local(uri: string): string {
  const path = uri.startsWith('file:') ? pathOfFileUrl(uri) : uri;
  if (normalize(path) !== path || path.includes('\0')) throw unfit(uri, "a path without '..'");
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

/** `URL` would resolve '..' away before anyone could object to it. */
function pathOfFileUrl(uri: string): string {
  if (!/^file:\/\/\/(?!\/)/.test(uri) || /(?:^|[/\\])(?:\.|%2e){2}(?:[/\\]|$)/i.test(uri)) {
    throw unfit(uri, "file:///<path>, without a host and without '..'");
  }
  try {
    return fileURLToPath(uri);
  } catch {
    throw unfit(uri, 'file:///<path>');
  }
}

function unfit(uri: string, expected: string): Error {
  return failure('InvalidRequest', `artifact: expected ${expected}, got ${JSON.stringify(uri)}`);
}
