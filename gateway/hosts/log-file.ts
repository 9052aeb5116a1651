import { copyFile, open, stat, truncate } from 'node:fs/promises';

/**
 * Keeps a log that another process appends to within its cap: the full part moves to `<path>.1`. Copied and cut rather than
 * renamed, because the writer keeps its file open.
 */
export async function capLog(path: string, capBytes: number): Promise<void> {
  const { size } = await stat(path);
  if (size <= capBytes) return;
  try {
    await copyFile(path, `${path}.1`);
  } finally {
    await truncate(path, 0);
  }
}

/** The last `bytes` bytes of a log; empty when there is none. */
export async function tailOf(path: string, bytes: number): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - bytes);
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.alloc(size - from),
        position: from,
      });
      return buffer.toString('utf8', 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
