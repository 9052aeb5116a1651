import { failure } from '../../../temporal/errors.js';

/** A bound on what one call may read through; a larger answer means that the question was too wide. */
const MAX_PAGES = 50;

export interface Page<T> {
  items: T[];
  next: string | undefined;
}

/** All items of a paged answer, in the order asked for. */
export async function allPages<T>(
  read: (token: string | undefined) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = [];
  let token: string | undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await read(token);
    items.push(...page.items);
    if (page.next === undefined) return items;
    token = page.next;
  }
  throw failure(
    'InvalidRequest',
    `expected at most ${String(MAX_PAGES)} pages from MLflow, got more than ${String(items.length)} items; ask for a shorter period`,
  );
}
