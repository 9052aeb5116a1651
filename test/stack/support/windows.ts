import type { ShadowHandle, ShadowOptions } from 'modelyard';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import type { MirrorFigures } from '../../../temporal/contracts/predictions.js';
import { newTag, type Connected } from './platform.js';

/** The gateway's own words, read past the product. */
async function admin(
  { stack }: Connected,
  path: string,
  directory: string = inject('stackDirectory'),
): Promise<unknown> {
  const token = (await readFile(join(directory, 'gateway-admin.token'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${stack.gateway.url}/admin/${path}`, { headers })).json();
}

/** The route in force, all of it. */
export async function routeIn(
  on: Connected,
  tag: string,
  directory?: string,
): Promise<Record<string, unknown>> {
  const { route } = (await admin(on, `routes/${tag}`, directory)) as {
    route: Record<string, unknown>;
  };
  return route;
}

/** What the gateway counted of the copies to a candidate; zeros before the first one. */
export async function copiesTo(on: Connected, modelId: string, directory?: string) {
  const [tag] = modelId.split('/');
  const { candidates } = (await admin(on, `mirrors/${tag ?? ''}`, directory)) as MirrorFigures;
  const none = { eligible: 0, unsampled: 0, mirrored: 0, dropped: 0, failed: 0 };
  return candidates[modelId] ?? none;
}

/** A pool of a test's own, so that no other's window is in its way. */
export async function newPool({ platform }: Connected, slots = 1): Promise<string> {
  const name = newTag('pool');
  await platform.shadowPools.apply({ name, slots });
  return name;
}

/** A window of version 2, longer than its test: its host may take its time to be warm. Judged by whether it answers. */
export async function shadowed(
  on: Connected,
  tag: string,
  over: Partial<ShadowOptions> = {},
): Promise<ShadowHandle> {
  const pool = over.pool ?? (await newPool(on));
  return on.platform.shadow(tag, 2, {
    ...{ reason: 'a test', minRequests: 5, pool, duration: '30m' },
    checks: [{ metric: 'error_rate', max: 0.01 }],
    ...over,
  });
}

/** Resolves with the end of the window once copies are made and its run knows it; a run that ends before says why. */
export async function isOpen(run: ShadowHandle): Promise<Date> {
  const ended = run.result().then((report) => {
    throw new Error(`expected a window, got ${JSON.stringify(report)}`);
  });
  const state = async () => {
    const { stage, waitingFor } = await run.status();
    return waitingFor?.what ?? `at ${stage}`;
  };
  const opened = expect.poll(state, { timeout: 180_000, interval: 200 }).toBe('window');
  await Promise.race([opened, ended]);
  return endOf(run);
}

/** When an open window ends, as its run means it now. */
export async function endOf(run: ShadowHandle): Promise<Date> {
  const { waitingFor } = await run.status();
  if (!waitingFor?.until) throw new Error(`expected ${run.workflowId} to wait for an end`);
  return waitingFor.until;
}

/** The beginnings and ends of windows in the ledger, oldest first. */
export async function windowEntries({ platform }: Connected, tag: string) {
  const entries = (await platform.ledger(tag)).reverse();
  return entries.filter(({ action }) => action.startsWith('shadow-'));
}
