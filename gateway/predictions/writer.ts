import { messageOf } from '../log.js';
import type { PredictionCounts } from './counts.js';
import { lineOf, type Entry } from './entry.js';
import type { PredictionFiles } from './files.js';
import { Slice } from './slice.js';

export interface WriterParts {
  files: PredictionFiles;
  counts: PredictionCounts;
  redact: ReadonlySet<string>;
  /** Written at once, about. */
  writeBytes: number;
}

/** Turns entries into lines of their tags' files. One call at a time; rejects never. */
export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  async write(entries: readonly Entry[]): Promise<void> {
    const slice = new Slice();
    for (const [tag, ofTag] of Map.groupBy(entries, (entry) => entry.tag)) {
      let lines: string[] = [];
      let length = 0;
      for (const entry of ofTag) {
        const line = this.#lineOf(entry);
        await slice.pause();
        if (line === undefined) continue;
        lines.push(line);
        length += line.length;
        if (length < this.#parts.writeBytes) continue;
        await this.#append(tag, lines);
        lines = [];
        length = 0;
      }
      if (lines.length > 0) await this.#append(tag, lines);
    }
  }

  /** Undefined for what is nested deeper than this process's stack. */
  #lineOf(entry: Entry): string | undefined {
    try {
      return lineOf(entry, this.#parts.redact);
    } catch (error) {
      this.#parts.counts.lost(entry.tag, 1, messageOf(error));
      return undefined;
    }
  }

  async #append(tag: string, lines: readonly string[]): Promise<void> {
    const { files, counts } = this.#parts;
    try {
      await files.append(tag, Buffer.from(lines.join('')));
      counts.written(tag, lines.length);
    } catch (error) {
      counts.lost(tag, lines.length, messageOf(error));
    }
  }
}
