import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { sha256Hex } from '../temporal/digest.js';
import { listCode, type CodeFile } from './code-files.js';

export interface CodeArchive {
  content: Uint8Array;
  /** 'sha256:<hex>' of `content`. */
  digest: string;
}

/** Packs a code directory, without what `notCode` names, so that the same files give the same bytes on every machine. */
export async function packCode(directory: string, notCode: string[] = []): Promise<CodeArchive> {
  const content = gzip(await tar(await listCode(directory, notCode)));
  return { content, digest: `sha256:${sha256Hex(content)}` };
}

async function tar(files: CodeFile[]): Promise<Buffer> {
  const archive = pack();
  const content = buffer(archive);
  for (const file of files) {
    const mode = file.executable ? 0o755 : 0o644;
    // Names, sizes and contents only: times, owners and umasks differ between checkouts of the same commit.
    archive.entry(
      { name: file.path, mode, mtime: new Date(0), uid: 0, gid: 0 },
      await readFile(file.absolute),
    );
  }
  archive.finalize();
  return content;
}

const GZIP_SYSTEM_BYTE = 9;
const UNKNOWN_SYSTEM = 0xff;

/**
 * Stored, not compressed: compressed bytes differ between builds of zlib, and the digest of these bytes is part of every
 * definition's. For the same reason the header does not name the operating system.
 */
function gzip(content: Buffer): Buffer {
  const zipped = gzipSync(content, { level: 0 });
  zipped[GZIP_SYSTEM_BYTE] = UNKNOWN_SYSTEM;
  return zipped;
}
