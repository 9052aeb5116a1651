import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';

/** Replaces `path` whole: a reader, also one after a power cut or on a full disk, sees the old content or the new. */
export async function replaceFile(path: string, content: unknown): Promise<void> {
  const temporary = await writeBeside(path, content);
  await publish(temporary, () => rename(temporary, path));
  await syncDirectory(dirname(path));
}

/** Creates `path` whole, once: false when it exists already, whoever wrote it and whatever it holds. */
export async function createFile(path: string, content: unknown): Promise<boolean> {
  const temporary = await writeBeside(path, content);
  try {
    await link(temporary, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

/** The parsed file, or undefined when there is none. Throws when the content is not of the schema. */
export async function readRecord<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}

export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

export const isMissing = (error: unknown): boolean => hasCode(error, 'ENOENT', 'ENOTDIR');

async function writeBeside(path: string, content: unknown): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await publish(temporary, async () => {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(content, undefined, 1));
      await file.sync();
    } finally {
      await file.close();
    }
  });
  return temporary;
}

async function publish(temporary: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
