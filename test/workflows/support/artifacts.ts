import type { Artifacts } from '../../../activities/artifacts/port.js';

/** Artifacts that are always what they were, and which of them were put. */
export class MemoryArtifacts implements Artifacts {
  /** Every uri in the order of the calls, also one that was there. */
  readonly puts: string[] = [];

  put(uri: string): Promise<void> {
    this.puts.push(uri);
    return Promise.resolve();
  }

  get(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array());
  }

  stat(): Promise<null> {
    return Promise.resolve(null);
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }
}
