import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'modelyard-'));
}

export async function executable(path: string, script: string): Promise<string> {
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}

/** What a Temporal CLI says of itself, and nothing else it does. */
export function cliScript(server: string): string {
  return `#!/bin/sh\necho 'temporal version 1.0.0 (Server ${server}, UI 2.0.0)'\n`;
}
