import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { ProcessIdentity } from '../../temporal/server/process-identity.mjs';
import type { Ports } from './ports.js';

/** What a later start on the same directory needs to know. */
export interface StackFile {
  ports: Partial<Ports>;
  /** The process that started the stack and stops it when it ends; none after a stop. */
  owner: ProcessIdentity | null;
}

export async function readStackFile(path: string): Promise<StackFile> {
  try {
    const { ports, owner } = JSON.parse(await readFile(path, 'utf8')) as Partial<StackFile>;
    return { ports: ports ?? {}, owner: owner ?? null };
  } catch {
    return { ports: {}, owner: null };
  }
}

export async function writeStackFile(path: string, content: StackFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

/** The gateway's admin token: made once per directory, readable by its owner only. */
export async function adminToken(path: string): Promise<string> {
  const existing = await readFile(path, 'utf8').catch(() => '');
  if (existing !== '') return existing.trim();
  const token = randomBytes(32).toString('hex');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, token, { mode: 0o600 });
  return token;
}
