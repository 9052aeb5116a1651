import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { modelyardHome } from '../../../sdk/dev/setup/locations.mjs';
import { temporaryDirectory } from '../../temporal/server/stand-in.js';

describe('where tools are kept', () => {
  test('is where MODELYARD_HOME says', () => {
    expect(modelyardHome({ MODELYARD_HOME: '/somewhere' }, '/checkout')).toBe('/somewhere');
  });

  test('is below a git checkout', async () => {
    const checkout = await temporaryDirectory();
    await mkdir(join(checkout, '.git'));
    expect(modelyardHome({}, checkout)).toBe(join(checkout, '.modelyard', 'tools'));
  });

  test('is the cache directory of the user for an installed package', async () => {
    const installed = await temporaryDirectory();
    expect(modelyardHome({ XDG_CACHE_HOME: '/cache' }, installed)).toBe('/cache/modelyard');
  });
});
