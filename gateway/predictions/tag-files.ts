import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { append, mend, segmentAt, type Segment } from './segment.js';

const NAME = /^(\d{13})\.ndjson$/;

export interface FileLimits {
  fileAgeMs: number;
  fileBytes: number;
}

/** The log's files of one tag, oldest first. One writer at a time. */
export class TagFiles {
  readonly #directory: string;
  readonly #limits: FileLimits;
  #segments: Segment[] = [];
  /** The one that takes lines; undefined when the end of the last is not known to be whole. */
  #open: Segment | undefined;

  constructor(directory: string, limits: FileLimits) {
    this.#directory = directory;
    this.#limits = limits;
  }

  /** Finds what an earlier process wrote. Only its last file can be torn. */
  async restore(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => NAME.test(name)).sort();
    for (const name of names) {
      const startMs = Number(NAME.exec(name)?.[1]);
      this.#segments.push(await segmentAt(join(this.#directory, name), startMs));
    }
    const last = this.#segments.at(-1);
    if (!last) return;
    await mend(last);
    this.#open = last;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Throws what the write met; the lines are then not in the log. */
  async append(lines: Buffer): Promise<void> {
    const segment = this.#taking(Date.now()) ?? (await this.#begin());
    const { bytes } = segment;
    try {
      await append(segment, lines);
    } catch (error) {
      if (bytes === 0) await this.remove(segment);
      else if ((await sizeOf(segment)) !== bytes) this.#open = undefined;
      throw error;
    }
  }

  async remove(segment: Segment): Promise<void> {
    await rm(segment.path, { force: true });
    this.#segments = this.#segments.filter((kept) => kept !== segment);
    if (this.#open === segment) this.#open = undefined;
  }

  #taking(nowMs: number): Segment | undefined {
    const open = this.#open;
    const { fileAgeMs, fileBytes } = this.#limits;
    const takes = open && open.bytes < fileBytes && nowMs - open.startMs < fileAgeMs;
    return takes ? open : undefined;
  }

  async #begin(): Promise<Segment> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const nowMs = Date.now();
    // Unique, and in order although a clock is set back.
    const startMs = Math.max(nowMs, (this.#segments.at(-1)?.startMs ?? 0) + 1);
    const path = join(this.#directory, `${String(startMs)}.ndjson`);
    const segment = { path, startMs, endMs: nowMs, bytes: 0 };
    this.#segments = [...this.#segments, segment];
    this.#open = segment;
    return segment;
  }
}

async function sizeOf({ path }: Segment): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
