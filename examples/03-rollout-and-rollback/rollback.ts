// Who may go live, and the way back. Notice:
// - a candidate that did not pass goes live only by `override`, which names why and stays in the ledger;
// - it gets a share of the callers first, which is judged by what they get (`rollout.steps` and `rollout.checks`);
// - `rollback` needs no gate and no registry, quarantines the model it leaves, and asked twice it is done once;
// - a model that fails its callers is taken back by its watch, without anybody;
// - `liveAt` tells which model was live at any instant, and `verify` recomputes the ledger's hash chain.
import { InvalidRequestError, QuarantinedError, type RolloutPolicy } from 'modelyard';
import { startCaller } from '../customers/callers.ts';
import { connect } from '../customers/connect.ts';
import { CUSTOMER, customersModel } from '../customers/definition.ts';

const rollout: RolloutPolicy = {
  steps: [{ weightPercent: 50, hold: '2s' }],
  checks: [{ metric: 'error_rate', max: 0.05, minSamples: 5 }],
  watch: '10s',
  checkEvery: '1s',
};
// What callers know: whether a customer paid late is found out later.
const known = { dataframe_records: [{ ...CUSTOMER, late_payments: null }] };

await using connected = await connect();
const { platform } = connected;
const { training, ...rest } = customersModel('rollback');
const definition = {
  ...rest,
  training: { ...training, features: ['months', 'price', 'tickets'] },
  rollout,
};
const { tag } = definition;
await platform.models.apply(definition);

const first = await (await platform.retrain(tag)).result();
const second = await (await platform.retrain(tag, { params: { C: 0.0001 } })).result();
console.log(
  `${String(first.modelId)} ${first.decision}, ${String(second.modelId)} ${second.decision}`,
);

await using _ = startCaller(platform, tag, known);
await platform.promote(tag, 2, { reason: 'the auditor asks for it' }).catch((error: unknown) => {
  if (!(error instanceof InvalidRequestError)) throw error;
  console.log(`refused: ${error.message}`);
});
const audited = await platform.promote(tag, 2, {
  reason: 'the auditor asks for it',
  override: 'small coefficients matter more than the score until the audit is over',
});
const promoted = await audited.committed();
console.log(`${String(promoted.to)} is live, by ${promoted.evidence.join(', ')}`);

const request = { reason: 'scores look flat', idempotencyKey: 'incident-42' };
const [entry, again] = await Promise.all([
  platform.rollback(tag, request),
  platform.rollback(tag, request),
]);
console.log(`rolled back to ${String(entry.to)} by entry ${String(entry.seq)}`);
console.log(`asked twice, done once: ${String(entry.hash === again.hash)}`);

await platform
  .promote(tag, 2, { reason: 'once more', override: 'why not' })
  .catch((error: unknown) => {
    if (!(error instanceof QuarantinedError)) throw error;
    console.log(`refused: ${error.message}`);
  });

const { steps: __, ...atOnce } = rollout;
await platform.models.apply({ ...rest, training, rollout: atOnce });
const third = await platform.retrain(tag, { reason: 'late payments tell a lot' });
const { decision } = await third.result();
const watched = await (await third.rollout())?.result();
console.log(`${String(watched?.modelId)} ${decision}, then ${String(watched?.outcome)}:`);
console.log(`  ${String(watched?.reason)}`);

const then = await platform.liveAt(tag, promoted.at);
const { modelId } = await platform.score(tag, known);
console.log(`live at ${promoted.at.toISOString()}: ${String(then.live)}; live now: ${modelId}`);

for (const { seq, action, from, to, actor, reason } of (await platform.ledger(tag)).reverse())
  console.log(`  ${String(seq)} ${action} ${from ?? '-'} -> ${to ?? '-'} by ${actor}: ${reason}`);
const { ok, checked } = await platform.verify(tag);
console.log(`the chain of ${String(checked)} entries ${ok ? 'holds' : 'is broken'}`);
