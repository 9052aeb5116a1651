import { rm } from 'node:fs/promises';
import { startStack } from 'modelyard/dev';
import type { TestProject } from 'vitest/node';

/** MODELYARD_TEST_STACK lets two runs of these tests go on at once. */
const DIRECTORY = process.env['MODELYARD_TEST_STACK'] ?? '.modelyard/test/stack';

declare module 'vitest' {
  export interface ProvidedContext {
    stackDirectory: string;
  }
}

/** One stack for all files of this project: tests tell each other apart by their tags. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await rm(DIRECTORY, { recursive: true, force: true });
  const stack = await startStack({ directory: DIRECTORY });
  project.provide('stackDirectory', DIRECTORY);
  return () => stack.stop();
}
