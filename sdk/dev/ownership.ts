import type { Layout } from './layout.js';
import { stopServices, stopServicesSync } from './shutdown.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The stacks this process started, which end with it. */
const owned = new Map<string, Layout>();
let ending = false;

export function own(layout: Layout): void {
  if (owned.size === 0) watchForTheEnd();
  owned.set(layout.root, layout);
}

export function disown(layout: Layout): void {
  owned.delete(layout.root);
  if (owned.size === 0) stopWatching();
}

function watchForTheEnd(): void {
  process.on('exit', onExit);
  for (const name of SIGNALS) process.on(name, onSignal);
}

function stopWatching(): void {
  process.off('exit', onExit);
  for (const name of SIGNALS) process.off(name, onSignal);
}

function onExit(): void {
  for (const layout of owned.values()) stopServicesSync(layout);
}

function onSignal(name: NodeJS.Signals): void {
  // A program with a handler of its own decides itself when it ends, and comes by onExit then.
  if (ending || process.listenerCount(name) > 1) return;
  ending = true;
  void stopAndEnd(name);
}

async function stopAndEnd(name: NodeJS.Signals): Promise<void> {
  await Promise.allSettled([...owned.values()].map(stopServices));
  owned.clear();
  stopWatching();
  process.kill(process.pid, name);
}
