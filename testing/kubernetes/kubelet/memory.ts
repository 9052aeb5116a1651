import { readdir, readFile } from 'node:fs/promises';

const LOOK_EVERY_MS = 250;
const PAGE_BYTES = 4_096;

/** Watches how much memory process groups hold; one look at the machine is for all of them. */
export interface MemoryWatch {
  /** Calls back once when the group holds more than `limit` bytes; answers how to stop looking. */
  over: (groupId: number, limit: number, then: () => void) => () => void;
}

interface Limit {
  groupId: number;
  limit: number;
  then: () => void;
}

/** Knows nothing where there is no /proc. */
export function createMemoryWatch(): MemoryWatch {
  const limits = new Set<Limit>();
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const held = await residentBytes();
    for (const entry of limits)
      if ((held.get(entry.groupId) ?? 0) > entry.limit) {
        limits.delete(entry);
        entry.then();
      }
    timer = limits.size > 0 ? setTimeout(() => void look(), LOOK_EVERY_MS) : undefined;
  };
  return {
    over: (groupId, limit, then) => {
      const entry = { groupId, limit, then };
      limits.add(entry);
      timer ??= setTimeout(() => void look(), LOOK_EVERY_MS);
      return () => {
        limits.delete(entry);
      };
    },
  };
}

/** By process group. */
async function residentBytes(): Promise<Map<number, number>> {
  const held = new Map<number, number>();
  const names = await readdir('/proc').catch(() => []);
  const stats = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  );
  for (const stat of stats) {
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [groupId, pages] = [Number(fields[2]), Number(fields[21])];
    if (pages > 0) held.set(groupId, (held.get(groupId) ?? 0) + pages * PAGE_BYTES);
  }
  return held;
}
