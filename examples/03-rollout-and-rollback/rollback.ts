// Who may go live, and the way back. Notice:
// - a candidate that did not pass goes live only by `override`, which names why and stays in the ledger;
// - `rollback` needs no gate and no registry, quarantines the model it leaves, and is settled when it answers;
// - the same idempotency key is the same rollback: two people who act together go back once;
// - `liveAt` answers "which model was live, and who moved it" for any instant;
// - `verify` recomputes the hash chain of the ledger.
import { InvalidRequestError, QuarantinedError } from 'modelyard';
import { connect } from '../customers/connect.ts';
import { CUSTOMER, customersModel } from '../customers/definition.ts';

await using connected = await connect();
const { platform } = connected;
const definition = customersModel('rollback');
const { tag } = definition;
await platform.models.apply(definition);

const first = await (await platform.retrain(tag)).result();
const second = await (await platform.retrain(tag, { params: { C: 0.0001 } })).result();
console.log(
  `${String(first.modelId)} ${first.decision}, ${String(second.modelId)} ${second.decision}`,
);

await platform.promote(tag, 2, { reason: 'the auditor asks for it' }).catch((error: unknown) => {
  if (!(error instanceof InvalidRequestError)) throw error;
  console.log(`refused: ${error.message}`);
});
const rollout = await platform.promote(tag, 2, {
  reason: 'the auditor asks for it',
  override: 'small coefficients matter more than the score until the audit is over',
});
const promoted = await rollout.committed();
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

const then = await platform.liveAt(tag, promoted.at);
const { modelId } = await platform.score(tag, { dataframe_records: [CUSTOMER] });
console.log(`live at ${promoted.at.toISOString()}: ${String(then.live)}; live now: ${modelId}`);

for (const { seq, action, from, to, actor, reason } of (await platform.ledger(tag)).reverse())
  console.log(`  ${String(seq)} ${action} ${from ?? '-'} -> ${to ?? '-'} by ${actor}: ${reason}`);
const { ok, checked } = await platform.verify(tag);
console.log(`the chain of ${String(checked)} entries ${ok ? 'holds' : 'is broken'}`);
