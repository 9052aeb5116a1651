import { failure } from '../../temporal/errors.js';
import type { MlflowOptions } from '../registry/mlflow/options.js';
import { createTransport } from '../registry/mlflow/transport.js';
import { inFailureTypes } from '../registry/mlflow/to-failure.js';
import { createLocalFiles } from './file.js';
import type { FileStore } from './files.js';
import { altered, digestOfBytes, hashed } from './integrity.js';
import { createProxiedFiles } from './mlflow.js';
import type { Artifacts } from './port.js';
import { parseBelowRoots } from './roots.js';
import { verifyFiles } from './verify.js';

/** What `get` holds in memory; models are read file by file instead. */
const MAX_OBJECT_BYTES = 256 * 1024 * 1024;

/** Artifacts below the configured roots: through MLflow's artifact proxy, and in this machine's file system. */
export function createArtifacts(options: MlflowOptions): Artifacts {
  const stores: FileStore[] = [
    createProxiedFiles(createTransport(options)),
    createLocalFiles(options.roots),
  ];

  function locate(uri: string): { store: FileStore; path: string } {
    const { scheme, path } = parseBelowRoots(uri, options.roots);
    const store = stores.find((candidate) => candidate.scheme === scheme);
    if (store) return { store, path };
    throw failure('Misconfigured', `artifacts.roots: no store keeps ${scheme}: uris`);
  }

  const artifacts: Artifacts = {
    async put(uri, content, digest) {
      const given = digestOfBytes(content);
      if (given !== digest) throw altered(uri, digest, given);
      const { store, path } = locate(uri);
      const present = await store.read(path);
      if (present === null) {
        await store.write(path, content);
        return;
      }
      const { digest: actual, bytes } = await hashed(present);
      if (actual === digest) return;
      // The beginning of the same content is what an upload leaves that broke off.
      if (digestOfBytes(content.subarray(0, bytes)) !== actual) throw altered(uri, digest, actual);
      await store.write(path, content);
    },

    async get(uri, digest) {
      const { store, path } = locate(uri);
      const stream = await store.read(path);
      if (stream === null) throw altered(uri, digest, 'nothing');
      const content = await collected(uri, stream);
      const actual = digestOfBytes(content);
      if (actual !== digest) throw altered(uri, digest, actual);
      return content;
    },

    async stat(uri) {
      const { store, path } = locate(uri);
      const bytes = await store.size(path);
      return bytes === null ? null : { bytes };
    },

    async verify(uri, files) {
      const { store, path } = locate(uri);
      await verifyFiles({ store, path, uri }, files);
    },
  };
  return inFailureTypes(artifacts, {
    unavailable: 'ArtifactsUnavailable',
    refused: 'RegistryRefused',
  });
}

async function collected(uri: string, stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > MAX_OBJECT_BYTES) {
      throw failure(
        'InvalidRequest',
        `${uri}: expected at most ${String(MAX_OBJECT_BYTES)} bytes, got more`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
