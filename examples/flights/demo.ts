// A year of real flights, night by night, on a real Temporal server, a real MLflow server and real model servers.
// Notice: every line below is the public API; what is bad ends as a result, not as an exception.
import { parseArgs } from 'node:util';
import { Platform, type LedgerEntry } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { startCallers, type Callers } from './callers.ts';
import { NIGHTS } from './nights.ts';
import { printTable } from './table.ts';
import { tell, type Told } from './telling.ts';

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean' }, directory: { type: 'string', default: '.modelyard/demo' } },
});
const TAG = 'flight-delay';
const MOVES = ['shift', 'promote', 'rollback'];

await using stack = await startStack({ directory: options.directory, log: 'info' });
await using operations = await as('flight-operations');
await using owner = await as('service-owner');
await using callers = startCallers(stack.gateway.url, TAG);

const told: Told[] = [];
for (const night of NIGHTS) told.push(await tell({ operations, owner }, night));

const ledger = (await operations.ledger(TAG, { limit: 1000 })).reverse();
printNights(told);
printMoves(ledger.filter(({ action }) => MOVES.includes(action)));
const { ok, checked } = await operations.verify(TAG);
console.log(`The chain of all ${String(checked)} entries ${ok ? 'holds' : 'is broken'}.`);
printAnswers(callers.byModel);
console.log(`\nRuns      ${stack.temporal.uiUrl}/namespaces/${stack.temporal.namespace}/workflows`);
console.log(`Models    ${stack.mlflow.url}/#/models/${TAG}`);
checkStory();
if (options.keep) {
  console.log('\nThe stack stays up; press Ctrl-C to stop it.');
  const open = setInterval(() => undefined, 60_000);
  await new Promise((resolve) => process.once('SIGINT', resolve));
  clearInterval(open);
}

function as(actor: string): Promise<Platform> {
  return Platform.connect({
    temporal: { address: stack.temporal.address, uiUrl: stack.temporal.uiUrl },
    mlflow: { trackingUri: stack.mlflow.url },
    gateway: { url: stack.gateway.url },
    actor,
  });
}

function printNights(nights: readonly Told[]): void {
  printTable(
    ['night', 'tried', 'candidate', 'against', 'AUC', 'better by', 'ended', 'live after'],
    nights.map(row),
  );
}

function row({ night, result, ending, live }: Told): string[] {
  const { gate, incumbent, modelId } = result;
  const auc = gate?.checks.find(({ rule }) => rule === 'auc improvement');
  const candidate = gate?.checks.find(({ rule }) => rule === 'auc threshold')?.candidate;
  const [low, high] = auc?.interval ?? [];
  const better =
    auc?.difference == null ? '' : `${signed(auc.difference)} [${signed(low)}, ${signed(high)}]`;
  return [
    night.asOf,
    night.recipe,
    modelId ?? '',
    incumbent ?? 'nothing',
    candidate?.toFixed(3) ?? '',
    better,
    ending,
    live ?? 'nothing',
  ];
}

function signed(value: number | undefined): string {
  return value === undefined ? '' : `${value < 0 ? '' : '+'}${value.toFixed(3)}`;
}

function printMoves(moves: readonly LedgerEntry[]): void {
  const line = (entry: LedgerEntry): string[] => [
    String(entry.seq),
    [entry.action, ...evidence(entry, /^\d+ %/)].join(' '),
    entry.from ?? 'nothing',
    entry.to ?? 'nothing',
    entry.actor,
    [entry.reason, ...evidence(entry, /^approved by [\w-]+/)].join('; '),
  ];
  console.log('\nWhich model was live, who moved it and why:');
  printTable(['seq', 'action', 'from', 'to', 'by', 'why'], moves.map(line));
}

function evidence(entry: LedgerEntry, wanted: RegExp): string[] {
  return entry.evidence.flatMap((line) => wanted.exec(line) ?? []);
}

function printAnswers(byModel: Callers['byModel']): void {
  console.log('\nWhat the callers got meanwhile:');
  const answered = [...byModel].filter(([modelId]) => modelId !== 'none');
  printTable(
    ['model', 'requests', 'failed'],
    answered.map(([modelId, { asked, failed }]) => [modelId, String(asked), String(failed)]),
  );
}

function checkStory(): void {
  for (const { night, ending } of told.filter((each) => each.ending !== each.night.expect)) {
    console.error(`${night.asOf}: expected ${night.expect}, got ${ending}`);
    process.exitCode = 1;
  }
}
