/** Content-addressed files below the configured roots. */
export interface Artifacts {
  /** Writes once: an object of this uri with the same digest is left alone, another digest is refused (Integrity). */
  put(uri: string, content: Uint8Array, digest: string): Promise<void>;
  /** Refuses (Integrity) content whose digest is not the one asked for. */
  get(uri: string, digest: string): Promise<Uint8Array>;
  /** Size in bytes, or null when there is none. */
  stat(uri: string): Promise<{ bytes: number } | null>;
  /** Re-hashes every file below `uri` and compares; refuses (Integrity) a missing, altered or additional file. */
  verify(uri: string, files: { path: string; sha256: string; bytes: number }[]): Promise<void>;
}
