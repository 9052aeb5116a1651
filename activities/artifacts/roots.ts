import { failure } from '../../temporal/errors.js';
import { parseArtifactUri, type ArtifactUri } from './uri.js';

/** Reads `uri` and refuses (Misconfigured) one that is not at or below a configured root. */
export function parseBelowRoots(uri: string, roots: readonly string[]): ArtifactUri {
  const wanted = parseArtifactUri(uri);
  if (roots.some((root) => isAtOrBelow(wanted, parseArtifactUri(root)))) return wanted;
  throw failure(
    'Misconfigured',
    `artifacts.roots: ${uri} is below none of ${roots.join(', ') || '(no roots)'}; it is not followed. Add its root if you trust it`,
    { details: { uri, roots } },
  );
}

export function isAtOrBelow(wanted: ArtifactUri, root: ArtifactUri): boolean {
  if (wanted.scheme !== root.scheme) return false;
  const prefix = root.path.endsWith('/') || root.path === '' ? root.path : `${root.path}/`;
  return wanted.path === root.path || wanted.path.startsWith(prefix);
}
