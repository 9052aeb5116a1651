import { mayHaveHappened } from './errors.js';

/**
 * A create whose answer was lost may have happened. Then what it made is looked up before anybody may create again;
 * nothing found leaves the error, and the next attempt searches first.
 */
export async function createOrFind<T>(
  create: () => Promise<T>,
  find: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (!mayHaveHappened(error)) throw error;
    const found = await find();
    if (found === undefined) throw error;
    return found;
  }
}
