import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** The commit the directory is at, with '-dirty' when its files differ from it; null without git or a commit. */
export async function gitRevision(directory: string): Promise<string | null> {
  try {
    const commit = (await git(directory, 'rev-parse', 'HEAD')).trim();
    const changes = await git(
      directory,
      'status',
      '--porcelain',
      '--untracked-files=all',
      '--',
      '.',
    );
    return changes.trim() === '' ? commit : `${commit}-dirty`;
  } catch {
    return null;
  }
}

async function git(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd: directory,
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
