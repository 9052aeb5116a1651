import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface DataDirectory {
  routes: string;
  hosts: string;
  /** Servers that hosts share. */
  shared: string;
  predictions: string;
  /** Tells a gateway that is refused later who holds the directory. */
  introduce(holder: { url: string }): void;
  release(): void;
}

/**
 * Takes the data directory for this process alone; throws naming the holder when another gateway has it.
 *
 * The lock is SQLite's on an empty database: the kernel drops it with the process, so there is no stale lock to judge
 * and no moment in which two processes take one over.
 */
export function takeDataDirectory(path: string): DataDirectory {
  const routes = join(path, 'routes');
  const hosts = join(path, 'hosts');
  const shared = join(path, 'shared');
  for (const directory of [routes, hosts, shared])
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  const holderFile = join(path, 'gateway.json');
  const lock = lockExclusively(join(path, 'gateway.lock'), () => heldBy(path, holderFile));
  const introduce = (more: { url?: string }): void => {
    const holder = { pid: process.pid, startedAt: new Date().toISOString(), ...more };
    writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 });
  };
  introduce({});
  return {
    routes,
    hosts,
    shared,
    // Made by the log itself: one that cannot be made keeps no gateway from starting.
    predictions: join(path, 'predictions'),
    introduce,
    release: () => {
      lock.close();
    },
  };
}

function lockExclusively(path: string, refusal: () => Error): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes('locked')) throw refusal();
    throw error;
  }
}

function heldBy(path: string, holderFile: string): Error {
  return new Error(
    `the data directory ${path} is held by another gateway, ${holderOf(holderFile)}; stop it or use another directory`,
  );
}

function holderOf(holderFile: string): string {
  try {
    const holder = JSON.parse(readFileSync(holderFile, 'utf8')) as Record<string, unknown>;
    const at = typeof holder['url'] === 'string' ? ` at ${holder['url']}` : '';
    return `process ${String(holder['pid'])}${at}, started ${String(holder['startedAt'])}`;
  } catch {
    return 'which has not written its name yet';
  }
}
