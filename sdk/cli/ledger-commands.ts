import type { Command } from 'commander';
import { writeLedger } from '../ledger-export.js';
import type { Platform } from '../platform.js';
import type { LedgerEntry } from '../types.js';
import { count, date } from './arguments.js';
import type { Context } from './context.js';
import { facts, instant, table } from './table.js';

const PAGE = 1000;

/** Verbs that read what the ledger of a tag keeps. */
export function addLedgerCommands(program: Command, context: Context): void {
  addLedger(program, context);
  addLiveAt(program, context);
}

function addLedger(program: Command, context: Context): void {
  program
    .command('ledger <tag>')
    .description('every settled change of a tag, newest first')
    .option('--limit <count>', 'how many', count, 20)
    .option('--export <file>', 'write all of it there, oldest first, one entry per line as JSON')
    .action((tag: string, { limit, export: file }: { limit: number; export?: string }) =>
      context.withPlatform(async (platform) => {
        if (file !== undefined) {
          const all = await wholeLedger(platform, tag);
          await writeLedger(file, all);
          context.answer(
            { file, entries: all.length },
            () => `${file}: ${String(all.length)} entries`,
          );
          return;
        }
        const entries = await platform.ledger(tag, { limit });
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

/** Oldest first. */
async function wholeLedger(platform: Platform, tag: string): Promise<LedgerEntry[]> {
  const pages: LedgerEntry[][] = [];
  let before: number | undefined;
  do {
    const page = await platform.ledger(tag, { limit: PAGE, ...(before && { before }) });
    pages.push(page);
    before = page.at(-1)?.seq;
  } while (before !== undefined && before > 1);
  return pages.flat().reverse();
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

/** With why the gate was passed over, when it was. */
export function reasonOf({ reason, evidence }: Pick<LedgerEntry, 'reason' | 'evidence'>): string {
  const override = evidence.find((line) => line.startsWith('override: '));
  return override === undefined ? reason : `${reason} (${override})`;
}
