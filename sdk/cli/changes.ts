import type { Command } from 'commander';
import type { ChangeOptions, LedgerEntry } from '../types.js';
import { facts, instant } from './table.js';

// What the verbs have in common that change a tag and answer with the ledger's entry.

export interface ChangeFlags {
  reason: string;
  key?: string;
}

export function change(command: Command, description: string): Command {
  return command
    .description(description)
    .requiredOption('--reason <text>', 'kept in the ledger')
    .option('--key <key>', 'idempotency key');
}

export function changeOptions({ reason, key }: ChangeFlags): ChangeOptions {
  return { reason, ...(key !== undefined && { idempotencyKey: key }) };
}

export function describeEntry(entry: LedgerEntry): string {
  return facts([
    ['entry', `${entry.tag} #${String(entry.seq)}`],
    ['action', `${entry.action} (${entry.outcome})`],
    ['from', entry.from],
    ['to', entry.to],
    ['actor', entry.actor],
    ['reason', entry.reason],
    ['at', instant(entry.at)],
  ]);
}
