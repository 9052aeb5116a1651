// How a candidate is judged. Notice:
// - the first model is judged by thresholds alone; from then on both models are scored on the same rows;
// - a margin with a confidence wants the whole interval of the difference beyond it: noise does not win;
// - a slice guards a group of rows, here with a negative margin: "not worse by more than 0.05";
// - a dry-run rule is judged and recorded and never decides;
// - `simulate` judges recorded evidence by another rule and touches nothing.
import type { GatePolicy, RetrainResult } from 'modelyard';
import { connect } from '../customers/connect.ts';
import { customersModel } from '../customers/definition.ts';

const gate: GatePolicy = {
  metrics: [
    { name: 'auc', direction: 'higher', threshold: 0.6, minImprovement: 0.02, confidence: 0.95 },
    { name: 'auc', direction: 'higher', slice: 'plan=small', minImprovement: -0.05 },
    { name: 'log_loss', direction: 'lower', minRelativeImprovement: 0.2, dryRun: true },
  ],
  minHoldoutRows: 500,
  autoPromote: true,
};

await using connected = await connect();
const { platform } = connected;
const definition = { ...customersModel('gates'), evaluation: { slices: ['plan'] }, gate };
const { tag } = definition;

await retrainOn(['months', 'price'], 'the first model');
await retrainOn(['months', 'price', 'tickets', 'late_payments'], 'a better one');

const strict: GatePolicy = {
  ...gate,
  metrics: [{ name: 'auc', direction: 'higher', threshold: 0.7, minImprovement: 0.3 }],
};
const { decisions, changed } = await platform.simulate(tag, strict);
console.log(`\nUnder a stricter rule ${String(changed)} would have come out otherwise:`);
for (const { actual, would, reasons } of decisions)
  console.log(`  ${String(actual)} -> ${would} (${reasons.join('; ')})`);

async function retrainOn(features: string[], what: string): Promise<void> {
  await platform.models.apply({
    ...definition,
    training: { ...definition.training, features },
  });
  const run = await platform.retrain(tag, { reason: what });
  print(what, await run.result());
}

function print(what: string, { modelId, decision, gate: report }: RetrainResult): void {
  console.log(`\n${what}: ${String(modelId)} ${decision}`);
  for (const { rule, verdict, decides, reason } of report?.checks ?? [])
    console.log(`  ${rule}: ${verdict}${decides ? '' : ' (does not decide)'}, ${reason}`);
}
