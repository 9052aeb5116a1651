import { condition, isCancellation, log, sleep } from '@temporalio/workflow';
import { markHost, nextWarmEnd, releaseHost, retirable, toWarm } from '../../policy/tag/hosts.js';
import { hosts } from '../../proxies.js';
import { now, type Entity } from '../entity.js';

const RETRY_MS = 60_000;

/** Retires hosts that nothing names any more; marked first, so that nothing begins to rely on one that goes. */
export async function retireLane(entity: Entity): Promise<never> {
  for (;;) {
    const [name] = await nextToRetire(entity);
    if (name === undefined) continue;
    entity.set(markHost(entity.state, name, 'retiring'));
    entity.retiring = name;
    const gone = await quietly(() => hosts.retireHost(name));
    entity.retiring = null;
    if (gone) entity.set(markHost(entity.state, name, 'gone'));
    else await sleep(RETRY_MS, { summary: 'until the host is retired again' });
  }
}

async function nextToRetire(entity: Entity): Promise<string[]> {
  const due = (): boolean => retirable(entity.state, now()).length > 0;
  const end = nextWarmEnd(entity.state, now());
  const changed = (): boolean => due() || nextWarmEnd(entity.state, now()) !== end;
  if (end === null) await entity.turns.wait('retire', changed);
  else await condition(changed, Math.max(1, Date.parse(end) - Date.now()));
  return retirable(entity.state, now());
}

/** Warms hosts that are wanted and not ready, such as the next rollback target's. */
export async function warmLane(entity: Entity): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    await entity.turns.wait('warm', () => toWarm(entity.state).length > 0);
    // In turn, so that one host that does not come up keeps no other one cold.
    const names = toWarm(entity.state);
    const name = names[turn % names.length];
    const spec = name === undefined ? undefined : entity.state.hosts[name]?.spec;
    if (name === undefined || !spec) continue;
    const ready = await quietly(() => hosts.warmHost(spec));
    // Retired while it was warmed, it may have been made once more: note it, so that it is retired again.
    if (!(name in entity.state.hosts)) entity.set(releaseHost(entity.state, spec));
    else if (ready) entity.set(markHost(entity.state, name, 'ready'));
    else await sleep(RETRY_MS, { summary: 'until the host is warmed again' });
  }
}

async function quietly(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('a host could not be changed', { said: String(error) });
    return false;
  }
}
