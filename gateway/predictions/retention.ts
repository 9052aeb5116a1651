export interface Retained {
  endMs: number;
  bytes: number;
}

export interface Retention {
  maxAgeMs: number;
  maxBytes: number;
}

/** What is to be removed: files whose last line is too old, and the oldest of the others until the rest fits. */
export function expired<File extends Retained>(
  files: readonly File[],
  { maxAgeMs, maxBytes }: Retention,
  nowMs: number,
): File[] {
  const newestFirst = [...files].sort((a, b) => b.endMs - a.endMs);
  let kept = 0;
  return newestFirst.filter(({ endMs, bytes }) => {
    const stays = nowMs - endMs <= maxAgeMs && kept + bytes <= maxBytes;
    // Counted although it goes: what is older than a file that does not fit is not kept in its place.
    kept += bytes;
    return !stays;
  });
}
