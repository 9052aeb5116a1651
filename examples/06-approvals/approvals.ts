// A second person decides, and when. Notice:
// - with `gate.approval` a candidate carries no traffic before somebody else has approved it;
// - whoever asked for it is refused, whatever list they are on; one `reject` ends the candidate;
// - a freeze stops promotions, of one tag or with '*' of all; rollback and demote go on;
// - outside its change windows a rollout waits, and says until when;
// - names are claims here; a worker whose configuration lists `approvers` believes signatures only.
import {
  FrozenError,
  SelfApprovalError,
  type Approvable,
  type RolloutHandle,
  type RunHandle,
} from 'modelyard';
import { connect } from '../customers/connect.ts';
import { customersModel } from '../customers/definition.ts';

await using connected = await connect();
const operations = await connected.as('operations');
const owner = await connected.as('service-owner');
const model = customersModel('approvals');
const approval = { required: 1, from: ['service-owner'] };
const definition = { ...model, gate: { ...model.gate, approval } };
const { tag } = definition;
await operations.models.apply(definition);

const run = await operations.retrain(tag, { reason: 'the first model' });
await waiting(run, 'approval');
await run.approve().catch((error: unknown) => {
  if (!(error instanceof SelfApprovalError)) throw error;
  console.log(`refused: ${error.message}`);
});
await (await asOwner(run)).approve({ comment: 'better on every slice' });
const { modelId, decision } = await run.result();
const [promoted] = await operations.ledger(tag, { limit: 1 });
console.log(`${String(modelId)} ${decision}, ${String(promoted?.evidence.at(-1))}`);

await (await operations.retrain(tag, { params: { C: 0.0001 } })).result();
await owner.freeze(tag, { reason: 'the quarter is being closed' });
await promote().catch((error: unknown) => {
  if (!(error instanceof FrozenError)) throw error;
  console.log(`refused: ${error.message}`);
});
await owner.unfreeze(tag, { reason: 'the books are closed' });

const rejected = await promote();
await waiting(rejected, 'approval');
await (await asOwner(rejected)).reject({ comment: 'not before the summer' });
const { outcome, reason } = await rejected.result();
console.log(`${outcome}: ${reason}`);

const allow = [{ cron: '0 3 1 1 *', duration: '4h', timezone: 'Europe/Berlin' }];
await operations.models.apply({ ...model, rollout: { windows: { allow } } });
const later = await promote();
const { until } = await waiting(later, 'window');
console.log(`waits for its change window, until ${String(until?.toISOString().slice(5))}`);
await later.cancel('that is too late');

for (const { seq, action, to, actor, reason: why } of (await operations.ledger(tag)).reverse())
  console.log(`  ${String(seq)} ${action} ${to ?? '-'} by ${actor}: ${why}`);

function promote(): Promise<RolloutHandle> {
  return operations.promote(tag, 2, { reason: 'a smaller model', override: 'easier to explain' });
}

async function asOwner({ workflowId }: { workflowId: string }): Promise<Approvable> {
  const seen = await owner.runs.get(workflowId);
  if (!('approve' in seen)) throw new Error(`expected a run to approve, got ${workflowId}`);
  return seen;
}

async function waiting(
  on: RunHandle<unknown>,
  what: 'approval' | 'window',
): Promise<{ until?: Date }> {
  for await (const { waitingFor } of on.watch()) if (waitingFor?.what === what) return waitingFor;
  throw new Error(`expected ${on.workflowId} to wait for ${what}`);
}
