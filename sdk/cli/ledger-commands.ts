import type { Command } from 'commander';
import type { LedgerEntry } from '../types.js';
import { count, date } from './arguments.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { facts, instant, table } from './table.js';

/** Verbs that read what the ledger of a tag keeps. */
export function addLedgerCommands(program: Command, context: Context): void {
  addLedger(program, context);
  addLiveAt(program, context);
  addVerify(program, context);
}

function addLedger(program: Command, context: Context): void {
  program
    .command('ledger <tag>')
    .description('every settled change of a tag, newest first')
    .option('--limit <count>', 'how many', count, 20)
    .action((tag: string, flags: { limit: number }) =>
      context.withPlatform(async (platform) => {
        const entries = await platform.ledger(tag, flags);
        context.answer(entries, () =>
          table(
            ['#', 'at', 'action', 'outcome', 'from', 'to', 'actor', 'reason'],
            entries.map((entry) => [
              entry.seq,
              instant(entry.at),
              entry.action,
              entry.outcome,
              entry.from,
              entry.to,
              entry.actor,
              reasonOf(entry),
            ]),
            { whole: ['reason'] },
          ),
        );
      }),
    );
}

function addLiveAt(program: Command, context: Context): void {
  program
    .command('live-at')
    .description('which model was live at an instant, and since which entry')
    .argument('<tag>')
    .argument('<instant>', 'ISO-8601', date)
    .action((tag: string, at: Date) =>
      context.withPlatform(async (platform) => {
        const found = await platform.liveAt(tag, at);
        context.answer(found, () => describeLive(found));
      }),
    );
}

function describeLive({ live, entry }: { live: string | null; entry: LedgerEntry | null }): string {
  if (entry === null) return facts([['live', live]]);
  return facts([
    ['live', live],
    ['since', instant(entry.at)],
    ['entry', `#${String(entry.seq)} ${entry.action} by ${entry.actor}`],
    ['reason', reasonOf(entry)],
  ]);
}

function addVerify(program: Command, context: Context): void {
  program
    .command('verify <tag>')
    .description("recompute the ledger's hash chain")
    .action((tag: string) =>
      context.withPlatform(async (platform) => {
        const outcome = await platform.verify(tag);
        const bad = outcome.firstBad;
        context.answer(outcome, () =>
          bad
            ? `entry ${String(bad.seq)} does not hold: ${bad.reason}`
            : `${String(outcome.checked)} entries hold`,
        );
        if (!outcome.ok) context.exitWith(EXIT.failed);
      }),
    );
}

/** With why the gate was passed over, when it was. */
export function reasonOf({ reason, evidence }: Pick<LedgerEntry, 'reason' | 'evidence'>): string {
  const override = evidence.find((line) => line.startsWith('override: '));
  return override === undefined ? reason : `${reason} (${override})`;
}
