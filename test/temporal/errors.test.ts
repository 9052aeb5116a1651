import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { FAILURES } from '../../temporal/errors.js';
import { tableBelow } from '../support/markdown.js';

it('ARCHITECTURE.md lists every failure type with what the code says of it, and none that is not there', async () => {
  const document = await readFile(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const listed = tableBelow(document, '## Failures').map(([type, retried, remedy]) => ({
    type,
    retried,
    remedy,
  }));
  const known = Object.entries(FAILURES).map(([type, { retryable, remedy }]) => ({
    type: `\`${type}\``,
    retried: retryable ? 'yes' : 'no',
    remedy,
  }));
  expect(listed).toEqual(known);
});
