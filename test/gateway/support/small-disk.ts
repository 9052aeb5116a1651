import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withOwnMounts } from '../../support/own-mounts.js';

const SIZE = '1m';
const MORE_THAN_ALL = 2 * 1024 * 1024;

/**
 * A command whose last arguments are another one: that becomes a process to which `directory` is a disk of 1 MiB of its own.
 */
export const onSmallDisk = (directory: string): string[] =>
  withOwnMounts(`mount -t tmpfs -o size=${SIZE} tmpfs "$0" && exec "$@"`, directory);

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
