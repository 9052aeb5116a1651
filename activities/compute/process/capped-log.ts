import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './durable-files.js';

const SEGMENTS_KEPT = 4;

/**
 * A log in segments of a quarter of the cap: the first one stays, since it tells how the job began, and the last three,
 * since they tell how it ended. What a full disk refuses is dropped: losing log lines must not stop a job.
 */
export class CappedLog {
  readonly #directory: string;
  readonly #segmentBytes: number;
  #index = 0;
  #written = 0;
  #file: number | undefined;

  constructor(directory: string, capBytes: number) {
    this.#directory = directory;
    this.#segmentBytes = Math.max(1, Math.floor(capBytes / SEGMENTS_KEPT));
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
  }

  append(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, this.#segmentBytes - this.#written);
      this.#write(part);
      rest = rest.subarray(part.length);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(part: Buffer): void {
    try {
      this.#file ??= openSync(segmentFile(this.#directory, this.#index), 'a');
      writeSync(this.#file, part);
    } catch {
      // The bytes are counted though they are lost, so that the segments keep turning and free their room.
    }
    this.#written += part.length;
    if (this.#written >= this.#segmentBytes) this.#turn();
  }

  #turn(): void {
    this.close();
    this.#index += 1;
    this.#written = 0;
    const oldest = this.#index - SEGMENTS_KEPT + 1;
    if (oldest > 0) rmSync(segmentFile(this.#directory, oldest), { force: true });
  }
}

/** The last `tailBytes` of what the log kept; a line in its place says where output was left out. */
export async function readTail(directory: string, tailBytes: number): Promise<string> {
  const indexes = await segmentsOf(directory);
  const parts: Buffer[] = [];
  let missing = tailBytes;
  for (let at = indexes.length - 1; at >= 0 && missing > 0; at -= 1) {
    const index = indexes[at] ?? 0;
    const part = await readEnd(segmentFile(directory, index), missing);
    const gap = index - (indexes[at - 1] ?? index - 1) > 1;
    parts.unshift(...(gap ? [Buffer.from('\n[output left out: over the cap]\n')] : []), part);
    missing -= part.length;
  }
  const text = Buffer.concat(parts);
  return wholeCharacters(text.subarray(Math.max(0, text.length - tailBytes))).toString('utf8');
}

/** Leaves out the rest of a character whose first byte was cut off. */
function wholeCharacters(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return bytes.subarray(start > 0 && start < 4 ? start : 0);
}

async function segmentsOf(directory: string): Promise<number[]> {
  try {
    return (await readdir(directory))
      .map(Number)
      .filter(Number.isInteger)
      .sort((a, b) => a - b);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Empty when the segment was dropped since it was listed. */
async function readEnd(path: string, bytes: number): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0);
    throw error;
  }
}

const segmentFile = (directory: string, index: number): string =>
  join(directory, String(index).padStart(8, '0'));
