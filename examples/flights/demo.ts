// A year of real flights, night by night, on a real Temporal server, a real MLflow server and real model servers.
// Notice: every line below is the public API; what is bad ends as a result, not as an exception.
import { parseArgs } from 'node:util';
import { Platform, type LedgerEntry, type RetrainResult } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { definitionOf, NIGHTS, type Night } from './nights.ts';
import { FLIGHTS_TO_ASK } from './asked.ts';
import { printTable } from './table.ts';

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean' }, directory: { type: 'string', default: '.modelyard/demo' } },
});
const TAG = 'flight-delay';

await using stack = await startStack({ directory: options.directory, log: 'info' });
await using platform = await Platform.connect({
  temporal: { address: stack.temporal.address, uiUrl: stack.temporal.uiUrl },
  mlflow: { trackingUri: stack.mlflow.url },
  gateway: { url: stack.gateway.url },
  actor: 'flight-operations',
});

const rows: string[][] = [];
for (const night of NIGHTS) rows.push(await tell(night));

printTable(
  ['night', 'tried', 'candidate', 'against', 'AUC', 'better by', 'decision', 'live after'],
  rows,
);
await printLedger();
console.log(`\nRuns      ${stack.temporal.uiUrl}/namespaces/${stack.temporal.namespace}/workflows`);
console.log(`Models    ${stack.mlflow.url}/#/models/${TAG}`);
if (options.keep) {
  console.log('\nThe stack stays up; press Ctrl-C to stop it.');
  const open = setInterval(() => undefined, 60_000);
  await new Promise((resolve) => process.once('SIGINT', resolve));
  clearInterval(open);
}

async function tell(night: Night): Promise<string[]> {
  console.log(`\n${night.asOf}  ${night.story}`);
  await platform.models.apply(definitionOf(night));
  const run = await platform.retrain(TAG, {
    asOf: new Date(night.asOf),
    reason: night.story,
    idempotencyKey: night.asOf,
  });
  const result = await run.result();
  console.log(`  ${result.decision}: ${result.reason}`);
  if (result.decision === 'promoted') await ask();
  if (night.rolledBack !== undefined) await goBack(night.rolledBack);
  const { live } = await platform.status(TAG);
  return row(night, result, live);
}

/** Callers name the tag; which model answers is the platform's business. */
async function ask(): Promise<void> {
  const { predictions, modelId } = await platform.score(TAG, FLIGHTS_TO_ASK);
  const late = predictions.map(
    (probability) => `${String(Math.round(Number(probability) * 100))} %`,
  );
  console.log(`  ${modelId} says: late with ${late.join(', ')}`);
}

async function goBack(reason: string): Promise<void> {
  const entry = await platform.rollback(TAG, { reason });
  console.log(`  rolled back from ${String(entry.from)} to ${String(entry.to)}: ${reason}`);
  await ask();
}

function row(night: Night, { gate, ...result }: RetrainResult, live: string | null): string[] {
  const auc = gate?.checks.find(({ rule }) => rule === 'auc improvement');
  const candidate = gate?.checks.find(({ rule }) => rule === 'auc threshold')?.candidate;
  const [low, high] = auc?.interval ?? [];
  const better =
    auc?.difference == null ? '' : `${signed(auc.difference)} [${signed(low)}, ${signed(high)}]`;
  const decision =
    night.rolledBack === undefined ? result.decision : `${result.decision}, rolled back`;
  return [
    night.asOf,
    night.recipe,
    result.modelId ?? '',
    result.incumbent ?? 'nothing',
    candidate?.toFixed(3) ?? '',
    better,
    decision,
    live ?? 'nothing',
  ];
}

function signed(value: number | undefined): string {
  return value === undefined ? '' : `${value < 0 ? '' : '+'}${value.toFixed(3)}`;
}

async function printLedger(): Promise<void> {
  const moves = (await platform.ledger(TAG)).filter(({ action }) =>
    ['promote', 'rollback'].includes(action),
  );
  const line = ({ seq, action, from, to, actor, reason }: LedgerEntry): string[] => [
    String(seq),
    action,
    from ?? 'nothing',
    to ?? 'nothing',
    actor,
    reason,
  ];
  console.log('\nWhich model was live, who moved it and why:');
  printTable(['seq', 'action', 'from', 'to', 'by', 'why'], moves.reverse().map(line));
  const { ok, checked } = await platform.verify(TAG);
  console.log(`The chain of all ${String(checked)} entries ${ok ? 'holds' : 'is broken'}.`);
}
