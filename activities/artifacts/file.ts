import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { failure } from '../../temporal/errors.js';
import type { FileStore } from './files.js';
import { isAtOrBelow } from './roots.js';
import { parseArtifactUri } from './uri.js';

/** `file:` uris, for a store that every machine mounts at the same path. */
export function createLocalFiles(roots: readonly string[]): FileStore {
  /** A link below a root may lead out of it; what counts is where the file really is. */
  async function admit(path: string): Promise<string | null> {
    const real = await orNull(realpath(path));
    if (real === null) return null;
    for (const root of roots.map(parseArtifactUri)) {
      if (root.scheme !== 'file') continue;
      const realRoot = (await orNull(realpath(root.path))) ?? root.path;
      const isInside = isAtOrBelow(
        { scheme: 'file', path: real },
        { scheme: 'file', path: realRoot },
      );
      if (isInside) return real;
    }
    throw failure(
      'Misconfigured',
      `artifacts.roots: ${path} leads to ${real}, below none of the roots`,
    );
  }

  async function size(path: string): Promise<number | null> {
    const real = await admit(path);
    const found = real === null ? null : await orNull(stat(real));
    return found?.isFile() === true ? found.size : null;
  }

  return {
    scheme: 'file',
    size,
    async read(path) {
      if ((await size(path)) === null) return null;
      return readingFrom(path);
    },
    async write(path, content) {
      await written(mkdir(dirname(path), { recursive: true }), path);
      await admit(dirname(path));
      await written(writeAtOnce(path, content), path);
    },
    async list(path) {
      const real = await admit(path);
      if (real === null) return [];
      const entries = await readdir(real, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => relative(real, join(entry.parentPath, entry.name)).split(sep).join('/'));
    },
  };
}

/** Flushed before it gets its name, so that a crash leaves no short file under it. */
async function writeAtOnce(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function* readingFrom(path: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (error) {
    throw unavailable(path, error);
  }
}

async function written(work: Promise<unknown>, path: string): Promise<void> {
  await work.catch((error: unknown) => {
    throw unavailable(path, error);
  });
}

function unavailable(path: string, error: unknown): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  return failure('ArtifactsUnavailable', `${path}: ${cause.message}`, { cause });
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    const isAbsent =
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (isAbsent) return null;
    throw error;
  }
}
