import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** No sandbox, because containers have none; nothing that calls home. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser that CHROMIUM names, or the first on the path; null when there is none. */
export function findBrowser(): string | null {
  const named = process.env['CHROMIUM'];
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = named
    ? [named]
    : NAMES.flatMap((name) => directories.map((directory) => join(directory, name)));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Browsing extends AsyncDisposable {
  page: Page;
}

/** A browser with a profile of its own, which goes with it. */
export async function startBrowser(executablePath: string): Promise<Browsing> {
  const profile = await mkdtemp(join(tmpdir(), 'modelyard-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    ...{ executablePath, args: ARGUMENTS, viewport: { width: 1280, height: 900 } },
    colorScheme: 'light',
  });
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    async [Symbol.asyncDispose]() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
