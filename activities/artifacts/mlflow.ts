import { createArtifactProxy } from '../registry/mlflow/artifact-proxy.js';
import { unanswered } from '../registry/mlflow/client.js';
import type { Transport } from '../registry/mlflow/transport.js';
import { failure } from '../../temporal/errors.js';
import type { FileStore } from './files.js';

/** Far more than a model has; a listing beyond it is of something else. */
const MAX_FILES = 10_000;

/** `mlflow-artifacts:` uris, through the proxy of the tracking server: callers need no credentials of the store. */
export function createProxiedFiles(transport: Transport): FileStore {
  const proxy = createArtifactProxy(transport);

  async function list(path: string, below = '', found: string[] = []): Promise<string[]> {
    for (const { name, isFolder } of await proxy.list(below === '' ? path : `${path}/${below}`)) {
      const relative = below === '' ? name : `${below}/${name}`;
      if (isFolder) await list(path, relative, found);
      else found.push(relative);
      if (found.length > MAX_FILES) {
        throw failure(
          'InvalidRequest',
          `${path}: expected at most ${String(MAX_FILES)} files, got more`,
        );
      }
    }
    return found;
  }

  return {
    scheme: 'mlflow-artifacts',
    async read(path) {
      const stream = await proxy.get(path);
      return stream && readingFrom(path, stream);
    },
    write: (path, content) => proxy.put(path, content),
    size: (path) => proxy.size(path),
    list: (path) => list(path),
  };
}

/** A download that breaks off is an outage, not an altered file. */
async function* readingFrom(
  path: string,
  stream: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw unanswered(`get artifact ${path}`, error);
  }
}
