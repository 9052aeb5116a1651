import type { Duration } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { closableRetries } from '../../../sdk/closable-retries.js';
import { SEARCH_ATTRIBUTES } from '../../../temporal/names.js';
import { startTimeSkipping } from '../../support/time-skipping/server.js';
import { quietRuntime, startWorld, type World, type WorldOptions } from './world.js';

/** IndexedValueType of the server's API. */
const KEYWORD = 2;

export interface SkippingWorld extends World {
  /** Lets workflow time pass, and runs what is due in it. */
  pass(duration: Duration): Promise<void>;
  /** Workflow time. */
  now(): Promise<number>;
}

/**
 * A world whose server skips the time in which nothing happens; null where no such server is to be had. Results are awaited after
 * the time they take has passed: the environment's own client would jump on to the next timer, years away with a tag open.
 */
export async function startSkippingWorld(
  options: Omit<WorldOptions, 'server'> = {},
): Promise<SkippingWorld | null> {
  quietRuntime();
  const retries = closableRetries();
  const environment = await startTimeSkipping(retries.interceptors);
  if (environment === null) return null;
  await nameAttributes(environment);
  const server = {
    address: environment.connection.options.address,
    async [Symbol.asyncDispose]() {
      // A test that was given up may still wait for time to pass.
      await retries.end();
      await environment.teardown();
    },
  };
  const world = await startWorld({ ...options, server: () => Promise.resolve(server) });
  return {
    ...world,
    pass: (duration) => environment.sleep(duration),
    now: () => environment.currentTimeMs(),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

async function nameAttributes({ connection }: TestWorkflowEnvironment): Promise<void> {
  const names = Object.keys(SEARCH_ATTRIBUTES);
  await connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(names.map((name) => [name, KEYWORD])),
  });
}
