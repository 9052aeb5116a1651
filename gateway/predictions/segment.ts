import { open, stat, truncate, type FileHandle } from 'node:fs/promises';

/** A file of the log. `bytes` are whole lines; what lies beyond them is a write that failed or is under way. */
export interface Segment {
  path: string;
  /** When its first line was written, and its last. */
  startMs: number;
  endMs: number;
  bytes: number;
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Appends whole lines or, as far as a file can be told, none. Throws what the write met. */
export async function append(segment: Segment, lines: Buffer): Promise<void> {
  const file = await open(segment.path, 'a', 0o600);
  try {
    await file.appendFile(lines);
    segment.bytes += lines.length;
    segment.endMs = Date.now();
  } catch (error) {
    await file.truncate(segment.bytes);
    throw error;
  } finally {
    await file.close();
  }
}

/** Cuts off the last line where a crash tore it; what is left is whole lines. */
export async function mend(segment: Segment): Promise<void> {
  const file = await open(segment.path, 'r');
  try {
    segment.bytes = await endOfLastLine(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
  await truncate(segment.path, segment.bytes);
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  for await (const { from, chunk } of backwards(file, size)) {
    const at = chunk.lastIndexOf(NEWLINE);
    if (at >= 0) return from + at + 1;
  }
  return 0;
}

export async function segmentAt(path: string, startMs: number): Promise<Segment> {
  const { size, mtimeMs } = await stat(path);
  return { path, startMs, endMs: mtimeMs, bytes: size };
}

/** The whole lines of a file, a chunk of the file at a time, without their line ends. */
export async function* linesOf({ path, bytes }: Segment): AsyncGenerator<string[]> {
  const file = await open(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (let at = 0; at < bytes;) {
      const chunk = await readAt(file, at, Math.min(CHUNK_BYTES, bytes - at));
      at += chunk.length;
      const text = Buffer.concat([rest, chunk]);
      const end = text.lastIndexOf(NEWLINE);
      rest = text.subarray(end + 1);
      if (end >= 0) yield text.toString('utf8', 0, end).split('\n');
    }
  } finally {
    await file.close();
  }
}

/** The last lines of a file, oldest first. */
export async function lastLinesOf({ path, bytes }: Segment, count: number): Promise<string[]> {
  const file = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let ends = 0;
    for await (const { chunk } of backwards(file, bytes)) {
      chunks.unshift(chunk);
      for (const byte of chunk) ends += Number(byte === NEWLINE);
      if (ends > count) break;
    }
    const lines = Buffer.concat(chunks).toString('utf8').split('\n').slice(0, -1);
    return lines.slice(-count);
  } finally {
    await file.close();
  }
}

async function* backwards(
  file: FileHandle,
  size: number,
): AsyncGenerator<{ from: number; chunk: Buffer }> {
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - CHUNK_BYTES);
    yield { from, chunk: await readAt(file, from, end - from) };
    end = from;
  }
}

/** Throws when the file ends before: a reader would take what is missing for never written. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  if (bytesRead < length)
    throw new Error(
      `expected ${String(length)} bytes at ${String(position)}, got ${String(bytesRead)}`,
    );
  return buffer;
}
