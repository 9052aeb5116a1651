import { setTimeout as delay } from 'node:timers/promises';

const ATTEMPTS = 200;

/** The kinds of listeners, connections and timers that keep this process alive, beyond those of before. */
export function openHandles(before: readonly string[] = []): string[] {
  const known = [...before];
  return process.getActiveResourcesInfo().filter((kind) => {
    const index = known.indexOf(kind);
    if (index !== -1) known.splice(index, 1);
    return index === -1 && /TCP|Timeout/.test(kind);
  });
}

/** What stays open. The test runner has timers of its own, which come and go. */
export async function leftOpen(before: readonly string[]): Promise<string[]> {
  for (let attempt = 0; attempt < ATTEMPTS && openHandles(before).length > 0; attempt += 1)
    await delay(20);
  return openHandles(before);
}
