import { readdir, readlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProcessHosting } from '../../../activities/hosting/process.js';
import type { HostSpec } from '../../../temporal/contracts/route.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { hostingContract, type HostingUnderTest } from '../../../testing/hosting-contract.js';
import { makeBed, type Bed } from '../../gateway/support/bed.js';
import { digestOfVersion, targetOf } from '../../gateway/support/client.js';
import { ADMIN_TOKEN, temporaryDirectory } from '../../gateway/support/gateway-process.js';
import { makeRealBed, saveModels } from '../../gateway/support/real-models.js';

/** The machine may be busy, and the harness loads numpy and scikit-learn. */
const SHARED_LIMIT_MS = 120_000;

describe('hosting as processes of the gateway keeps its contract:', () => {
  for (const { title, run } of hostingContract)
    it(title, async () => run(async () => subjectOf(await makeBed())));
});

describe('hosting as models on a server that they share keeps its contract:', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let stored: HostSpec;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    [stored] = (await saveModels(directory.path, [2])) as [HostSpec];
  }, SHARED_LIMIT_MS);
  afterAll(() => directory.remove());
  for (const { title, run } of hostingContract)
    it(title, { timeout: SHARED_LIMIT_MS }, async () =>
      run(async () => sharedSubjectOf(await makeRealBed(), stored)),
    );
});

describe('hosting as processes of the gateway', () => {
  it('is refused to retire a host that a route names', async () => {
    const bed = await makeBed();
    const spec = await bed.model(1);
    await bed.client.startHost(spec);
    await bed.client.route('flights', 1, { live: targetOf(spec) });
    const refused = await hostingOf(bed)
      .retire(spec.name)
      .catch((error: unknown) => error);
    expect(applicationFailure(refused)).toMatchObject({
      type: 'GatewayRefused',
      nonRetryable: true,
    });
    expect((await bed.client.score('flights')).status).toBe(200);
    await bed.dispose();
  });

  it('is unavailable, never "gone", while the gateway is down', async () => {
    const bed = await makeBed();
    const hosting = hostingOf(bed);
    await bed.dispose();
    for (const call of [hosting.observe('a'), hosting.list(), hosting.retire('a')]) {
      const error = applicationFailure(await call.catch((failed: unknown) => failed));
      expect(error).toMatchObject({ type: 'GatewayUnavailable', nonRetryable: false });
    }
  });
});

const hostingOf = (bed: Bed) =>
  createProcessHosting({ url: bed.gateway.url, adminToken: ADMIN_TOKEN });

function subjectOf(bed: Bed): HostingUnderTest {
  let version = 0;
  return {
    hosting: hostingOf(bed),
    another: () => Promise.resolve(hostingOf(bed)),
    good: () => bed.model((version += 1)),
    altered: () => bed.model((version += 1), { digest: digestOfVersion(999) }),
    serversOf: (name) => countServers(`${bed.directory}/hosts/${name}`),
    dispose: () => bed.dispose(),
  };
}

function sharedSubjectOf(bed: Bed, stored: HostSpec): HostingUnderTest {
  let number = 0;
  const good = (): HostSpec => {
    number += 1;
    const modelId = `times/${String(number)}`;
    return { ...stored, name: `shared-${String(number)}`, modelId, kind: 'shared' };
  };
  return {
    hosting: hostingOf(bed),
    another: () => Promise.resolve(hostingOf(bed)),
    good: () => Promise.resolve(good()),
    altered: () => Promise.resolve({ ...good(), digest: digestOfVersion(999) }),
    serversOf: async () => {
      const servers = await readdir(`${bed.directory}/shared`);
      const counts = servers.map((name) => countServers(`${bed.directory}/shared/${name}`));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    dispose: () => bed.dispose(),
  };
}

/** Model servers run in their host's directory, which tells them apart without asking the gateway. */
async function countServers(directory: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  // Linux adds " (deleted)" once a retired host's directory is cleared away.
  return places.filter((place) => place.split(' ')[0] === directory).length;
}
