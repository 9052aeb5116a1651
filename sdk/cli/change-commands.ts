import { Argument, Option, type Command } from 'commander';
import type { ChangeOptions, LedgerEntry } from '../types.js';
import { version, versionOrDate } from './arguments.js';
import type { Context } from './context.js';
import { facts, instant } from './table.js';

interface ChangeFlags {
  reason: string;
  key?: string;
}

/** The verbs that change what a tag serves. Each needs a reason, which the ledger keeps. */
export function addChangeCommands(program: Command, context: Context): void {
  const answer = (entry: LedgerEntry): void => {
    context.answer(entry, () => describeEntry(entry));
  };

  change(ofVersion(program.command('promote <tag>')), 'roll a registered model out')
    .option(
      '--override <why>',
      'why a model without a passed gate against the live one may go live',
    )
    .option('--expected-live <version>', 'refuse when another version is live', version)
    .action(
      (
        tag: string,
        number: number,
        flags: ChangeFlags & { override?: string; expectedLive?: number },
      ) =>
        context.withPlatform(async (platform) => {
          const run = await platform.promote(tag, number, {
            ...changeOptions(flags),
            ...(flags.override !== undefined && { override: flags.override }),
            ...(flags.expectedLive !== undefined && { expectedLive: flags.expectedLive }),
          });
          context.note(`run ${run.workflowId}${run.url === null ? '' : `  ${run.url}`}`);
          answer(await run.committed());
        }),
    );

  change(program.command('demote <tag>'), 'take the live model out of service')
    .addOption(
      new Option('--to <model>', 'where traffic goes')
        .choices(['previous', 'none'])
        .default('previous'),
    )
    .action((tag: string, flags: ChangeFlags & { to: 'previous' | 'none' }) =>
      context.withPlatform(async (platform) => {
        answer(await platform.demote(tag, { ...changeOptions(flags), to: flags.to }));
      }),
    );

  change(program.command('rollback <tag>'), 'take traffic off a bad model at once')
    .option('--from <version>', 'the model to leave', version)
    .option(
      '--to <target>',
      "'previous', a version, or an instant at which a good one was live",
      versionOrDate,
    )
    .action(
      (tag: string, flags: ChangeFlags & { from?: number; to?: number | Date | 'previous' }) =>
        context.withPlatform(async (platform) => {
          const { from, to } = flags;
          const target = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
          answer(await platform.rollback(tag, { ...changeOptions(flags), ...target }));
        }),
    );

  for (const [name, description] of [
    ['quarantine', 'keep a version from being promoted or rolled back to'],
    ['release', 'let a quarantined version be promoted again'],
  ] as const) {
    change(ofVersion(program.command(`${name} <tag>`)), description).action(
      (tag: string, number: number, flags: ChangeFlags) =>
        context.withPlatform(async (platform) => {
          answer(await platform[name](tag, number, changeOptions(flags)));
        }),
    );
  }
}

function ofVersion(command: Command): Command {
  return command.addArgument(new Argument('<version>').argParser(version));
}

function change(command: Command, description: string): Command {
  return command
    .description(description)
    .requiredOption('--reason <text>', 'kept in the ledger')
    .option('--key <key>', 'idempotency key');
}

function changeOptions({ reason, key }: ChangeFlags): ChangeOptions {
  return { reason, ...(key !== undefined && { idempotencyKey: key }) };
}

function describeEntry(entry: LedgerEntry): string {
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
