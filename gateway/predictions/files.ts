import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, type Log } from '../log.js';
import { expired, type Retention } from './retention.js';
import { TagFiles, type FileLimits } from './tag-files.js';

/** Most of the log that one file may be, so that removing a file does not remove most of what is kept. */
const LARGEST_SHARE = 1 / 8;

/** The log's directory: one below it for each tag, whose grammar has no path separator and no leading dot. */
export class PredictionFiles {
  readonly #directory: string;
  readonly #limits: FileLimits & Retention;
  readonly #tags = new Map<string, TagFiles>();
  #grown = false;

  constructor(directory: string, limits: FileLimits & Retention) {
    this.#directory = directory;
    const fileBytes = Math.min(limits.fileBytes, limits.maxBytes * LARGEST_SHARE);
    this.#limits = { ...limits, fileBytes };
  }

  /** What cannot be read is left alone: new lines go to new files. */
  async restore(log: Log): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      for (const tag of await readdir(this.#directory)) {
        await this.of(tag)
          .restore()
          .catch((error: unknown) =>
            log('predictions-unreadable', { tag, problem: messageOf(error) }),
          );
      }
    } catch (error) {
      log('predictions-unreadable', { problem: messageOf(error) });
    }
  }

  /** Throws what the write met. */
  async append(tag: string, lines: Buffer): Promise<void> {
    const files = this.of(tag);
    const before = files.segments.length;
    await files.append(lines);
    this.#grown ||= files.segments.length > before;
  }

  of(tag: string): TagFiles {
    const known = this.#tags.get(tag);
    if (known) return known;
    const files = new TagFiles(join(this.#directory, tag), this.#limits);
    this.#tags.set(tag, files);
    return files;
  }

  /** As `prune`, when there is another file since it was last looked. */
  async pruneIfGrown(): Promise<void> {
    if (this.#grown) await this.prune();
  }

  /** Removes what is beyond the retention. */
  async prune(): Promise<void> {
    this.#grown = false;
    const all = [...this.#tags.values()].flatMap((files) =>
      files.segments.map((segment) => ({ files, segment, ...segment })),
    );
    for (const { files, segment } of expired(all, this.#limits, Date.now()))
      await files.remove(segment);
  }
}
