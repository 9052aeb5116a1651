// A candidate on live traffic, without a caller noticing. Notice:
// - slots are booked ahead in a pool that teams share; a full one says when it is free again;
// - callers are answered by the live model only; the candidate gets copies, and both answers are compared row by row;
// - no data is no pass: a window that nobody asks in is as long again, once, and then nobody knows;
// - when it is over, the route is what it was before, and the ledger has its beginning and its end;
// - a definition with `shadow` does this before each rollout by itself.
import { NoSlotError, type ShadowHandle } from 'modelyard';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCaller } from '../customers/callers.ts';
import { connect } from '../customers/connect.ts';
import { CUSTOMER, customersModel } from '../customers/definition.ts';

await using connected = await connect();
const { platform } = connected;
const definition = customersModel('shadow');
const { tag } = definition;
await platform.models.apply(definition);
await (await platform.retrain(tag)).result();
const timid = await (await platform.retrain(tag, { params: { C: 0.0001 } })).result();
console.log(`${String(timid.modelId)} ${timid.decision}`);

const pool = `team-${tag.split('-').at(-1) ?? ''}`;
await platform.shadowPools.apply({ name: pool, slots: 1 });
const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000);
const monday = { tag, version: 2, from: hours(1), until: hours(2) };
const { bookingId } = await platform.shadowPools.book(pool, monday);
await platform.shadowPools.book(pool, monday).catch((error: unknown) => {
  if (!(error instanceof NoSlotError)) throw error;
  const whenItEnds = error.nextFree.getTime() === monday.until.getTime();
  console.log(`full, free again when the other window ends: ${String(whenItEnds)}`);
});
await platform.shadowPools.cancel(pool, bookingId);

const CUSTOMERS = [1, 12, 40].map((months) => ({ ...CUSTOMER, months }));
const checks = [
  { metric: 'error_rate', max: 0.01 },
  { metric: 'score_mean_abs_diff', max: 0.05 },
];
const compare = (reason: string, duration: string): Promise<ShadowHandle> =>
  platform.shadow(tag, 2, { reason, duration, pool, minRequests: 20, checks });
async function tell(run: ShadowHandle): Promise<void> {
  const { verdict, window, checks, routeRestored } = await run.result();
  console.log(`${verdict}; extended: ${String(window.extended)}`);
  for (const { rule, verdict, reason } of checks) console.log(`  ${rule}: ${verdict}, ${reason}`);
  console.log(`  the route is as it was: ${String(routeRestored)}`);
}

{
  await using _ = startCaller(platform, tag, { dataframe_records: CUSTOMERS });
  const run = await compare('do small coefficients agree?', '10m');
  for await (const { waitingFor } of run.watch()) if (waitingFor?.what === 'window') break;
  await sleep(5_000);
  await run.end({ reason: 'seen enough' });
  await tell(run);
}
await tell(await compare('and at night?', '10s'));

for (const { action, from, to, reason } of (await platform.ledger(tag)).reverse())
  if (action.startsWith('shadow-'))
    console.log(`  ${action} ${String(from)} -> ${String(to)}: ${reason}`);
