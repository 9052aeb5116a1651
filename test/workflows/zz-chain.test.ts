import { writeFile } from 'node:fs/promises';
import { it } from 'vitest';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { SCENARIOS, played } from './support/crash-scenarios.js';
import { servePorts } from './support/port-server.js';
import { bundleForProcesses, KeptWorker } from './support/worker-processes.js';
import { startWorld } from './support/world.js';
it('chain', { timeout: 200_000 }, async () => {
  await using bundle = await bundleForProcesses();
  const lane = async (lane: number) => {
  await using world = await startWorld({ worker: false });
  const points = ['identifySigner:before:1', 'rollout:3', 'tag:4'];
  let armed = ''; const times = new Map<string, number>();
  await using served = await servePorts(world.ports, (p) => { const n = (times.get(p) ?? 0) + 1; times.set(p, n); if (armed === `${p}:${n}`) { armed = ''; return 'die'; } return 'go'; });
  await using kept = new KeptWorker({ world, bundle: bundle.path, portsUrl: served.url });
  const end = Date.now() + 140_000;
  for (let i = 0; Date.now() < end; i += 1) {
    const tag = await SCENARIOS.rollout.prepare(world);
    times.clear(); armed = points[(i + lane) % 3]!;
    const point = armed;
    const effects = await played(world, SCENARIOS.rollout, tag);
    const journal = world.registry.journals.get(tag.tag) ?? [];
    const ledger = await tag.ledger();
    console.log(lane, i, point, JSON.stringify(effects.chain), kept.deaths.length);
    let bad = !effects.chain.ok;
    for (const e of journal) { const l = ledger.find(({ seq }) => seq === e.seq); if (l?.hash !== e.hash) { bad = true; console.log('JOURNAL', JSON.stringify(e), 'STATE', JSON.stringify(l)); } }
    if (bad) await writeFile(`/tmp/x/chain-${lane}-${i}.json`, JSON.stringify(historyToJSON(await tag.handle.fetchHistory())));
  }
  };
  await Promise.all([0, 1, 2, 3].map(lane));
});
