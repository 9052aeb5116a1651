import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from './gateway-process.js';

const SIZE = '1m';
const MORE_THAN_ALL = 2 * 1024 * 1024;

/** What the kernel says to one who may have no namespace of their own: by its settings, a sandbox, or the number of them. */
const FORBIDDEN = /not permitted|permission denied|no space left on device|invalid argument/i;

/**
 * A command whose last arguments are another one: that becomes a process to which `directory` is a disk of 1 MiB of its own.
 * Nobody needs to be root for it.
 */
export const onSmallDisk = (directory: string): string[] => [
  ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  ...[`mount -t tmpfs -o size=${SIZE} tmpfs "$0" && exec "$@"`, directory],
];

/** The disk as others reach it, filled and emptied. */
export class SmallDisk {
  private readonly filler: string;

  constructor(pid: number | undefined, directory: string) {
    this.filler = join('/proc', String(pid), 'root', directory, 'filler');
  }

  /** Rejects with what the disk says when nothing more fits. */
  fill(): Promise<void> {
    return writeFile(this.filler, Buffer.alloc(MORE_THAN_ALL));
  }

  free(): Promise<void> {
    return rm(this.filler);
  }
}

/** Why there is no such disk here, null when there is. Throws that where CI is set, unless it is the kernel that forbids it. */
export async function noSmallDisk(): Promise<string | null> {
  const { path, remove } = await temporaryDirectory();
  const [command = '', ...args] = onSmallDisk(path);
  try {
    await promisify(execFile)(command, [...args, 'true']);
    return null;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const why = `no disk of its own: ${stderr.trim() || message}`;
    if (process.env['CI'] && !FORBIDDEN.test(why)) throw error;
    console.log(`a test on a full disk is skipped: ${why}`);
    return why;
  } finally {
    await remove();
  }
}
