import { readText } from './durable-files.js';

/** How often the kernel's out-of-memory killer has struck since boot, in any control group; null where it does not say. */
export async function countOomKills(): Promise<number | null> {
  try {
    const count = /^oom_kill (\d+)$/m.exec((await readText('/proc/vmstat')) ?? '')?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

export async function oomKillSince(before: number | null): Promise<boolean | null> {
  const now = await countOomKills();
  return before === null || now === null ? null : now > before;
}
