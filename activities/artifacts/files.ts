import type { ArtifactUri } from './uri.js';

/** A kind of store, as the shared rules of `store.ts` use it. Paths are those of a parsed uri. */
export interface FileStore {
  scheme: ArtifactUri['scheme'];
  /** null when there is no such file. */
  read(path: string): Promise<AsyncIterable<Uint8Array> | null>;
  /** Over whatever is there; a reader sees the old file or the new one. */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Bytes, or null when there is no such file. */
  size(path: string): Promise<number | null>;
  /** All files below, relative to `path` with '/' between the parts. */
  list(path: string): Promise<string[]>;
}
