import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hosting } from '../activities/hosting/port.js';
import type { HostObservation, HostSpec } from '../temporal/contracts/route.js';
import { contractCases } from './contract-case.js';

/** An adapter with a backend of its own. */
export interface HostingUnderTest {
  readonly hosting: Hosting;
  /** The same backend as another worker sees it. */
  readonly another: () => Promise<Hosting>;
  /** The spec of a host that becomes ready, of a name not used before. */
  readonly good: () => Promise<HostSpec>;
  /** The spec of a host whose files have another digest than the spec says. */
  readonly altered: () => Promise<HostSpec>;
  /** How many processes or containers serve for this host now. */
  readonly serversOf: (name: string) => Promise<number>;
  readonly dispose: () => Promise<void>;
}

const POLL_MS = 50;
const LIMIT_MS = 120_000;
const RACING = 8;

/** What every hosting adapter keeps. */
export const hostingContract = contractCases<HostingUnderTest>({
  'a host becomes ready with the digest asked for': async ({ hosting, good }) => {
    const spec = await good();
    await hosting.ensure(spec);
    const seen = await until(hosting, spec.name, 'ready');
    equal(seen.digest, spec.digest);
  },

  'the same host asked for again and by another worker is one host (I8)': async (subject) => {
    const spec = await subject.good();
    const other = await subject.another();
    await Promise.all(
      Array.from({ length: RACING }, (_, index) =>
        (index % 2 ? other : subject.hosting).ensure(spec),
      ),
    );
    await until(other, spec.name, 'ready');
    equal(await subject.serversOf(spec.name), 1);
  },

  'another spec under a name that is taken is refused, and the host stays': async ({
    hosting,
    good,
  }) => {
    const [spec, other] = [await good(), await good()];
    await hosting.ensure(spec);
    await rejects(hosting.ensure({ ...other, name: spec.name }));
    await until(hosting, spec.name, 'ready');
  },

  'a host whose files have another digest is never ready (F20)': async ({ hosting, altered }) => {
    const spec = await altered();
    await hosting.ensure(spec);
    await until(hosting, spec.name, 'unhealthy', 'ready');
  },

  'a host never made is gone': async ({ hosting, good }) => {
    const { name } = await good();
    equal((await hosting.observe(name)).phase, 'gone');
  },

  'a retired host is gone with its processes, and retiring it again is fine (I10)': async (
    subject,
  ) => {
    const { hosting } = subject;
    const spec = await subject.good();
    await hosting.ensure(spec);
    await until(hosting, spec.name, 'ready');
    await hosting.retire(spec.name);
    equal((await hosting.observe(spec.name)).phase, 'gone');
    equal(await subject.serversOf(spec.name), 0);
    await hosting.retire(spec.name);
  },

  'a host retired while it starts leaves no process': async (subject) => {
    const spec = await subject.good();
    await subject.hosting.ensure(spec);
    await subject.hosting.retire(spec.name);
    equal(await subject.serversOf(spec.name), 0);
  },

  'a retired host can be made again under its name': async ({ hosting, good }) => {
    const spec = await good();
    await hosting.ensure(spec);
    await hosting.retire(spec.name);
    await hosting.ensure(spec);
    await until(hosting, spec.name, 'ready');
  },

  'all hosts are listed with their models, and no retired one': async ({ hosting, good }) => {
    const [kept, retired] = [await good(), await good()];
    for (const spec of [kept, retired]) await hosting.ensure(spec);
    await hosting.retire(retired.name);
    const listed = (await hosting.list()).filter(({ name }) =>
      [kept.name, retired.name].includes(name),
    );
    deepEqual(listed, [{ name: kept.name, modelId: kept.modelId }]);
  },
});

/** Waits for a phase; fails at once when `never` is seen instead. */
async function until(
  hosting: Hosting,
  name: string,
  phase: HostObservation['phase'],
  never?: HostObservation['phase'],
): Promise<HostObservation> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const seen = await hosting.observe(name);
    if (seen.phase === phase) return seen;
    ok(seen.phase !== never, `expected ${name} never to be ${String(never)}: ${seen.detail}`);
    ok(Date.now() < end, `expected ${name} to be ${phase}, it is ${seen.phase}: ${seen.detail}`);
    await sleep(POLL_MS);
  }
}
