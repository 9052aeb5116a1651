import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Suffix of a write that has not happened yet; a reader ignores such files and a start removes them. */
export const UNFINISHED = '.tmp';

/** Replaces a file so that a crash at any point leaves the old content or the new; on disk when it resolves. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  await syncDirectory(dirname(path));
}

/** Removes a file; on disk when it resolves. A file that is gone already is fine. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/** The file's text, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
