import { Argument, Option, type Command } from 'commander';
import type { LedgerEntry } from '../types.js';
import { version, versionOrDate } from './arguments.js';
import { change, changeOptions, describeEntry, type ChangeFlags } from './changes.js';
import type { Context } from './context.js';

interface PromoteFlags extends ChangeFlags {
  override?: string;
  expectedLive?: number;
  breakGlass?: true;
  follow: boolean;
}

/** The verbs that change what a tag serves. Each needs a reason, which the ledger keeps. */
export function addChangeCommands(program: Command, context: Context): void {
  const answer = (entry: LedgerEntry): void => {
    context.answer(entry, () => describeEntry(entry));
  };

  addPromote(program, context);

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

  change(
    program.command('retire <tag>'),
    'stop serving and take schedule, hosts and aliases away; apply revives it',
  ).action((tag: string, flags: ChangeFlags) =>
    context.withPlatform(async (platform) => {
      answer(await platform.retire(tag, changeOptions(flags)));
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

function addPromote(program: Command, context: Context): void {
  change(ofVersion(program.command('promote <tag>')), 'roll a registered model out')
    .option(
      '--override <why>',
      'why a model without a passed gate against the live one may go live',
    )
    .option('--expected-live <version>', 'refuse when another version is live', version)
    .option(
      '--break-glass',
      'without approval and outside change windows; needs a key listed for it',
    )
    .option(
      '--no-follow',
      'print the run and return: one that has to be approved may wait for days',
    )
    .action((tag: string, number: number, flags: PromoteFlags) =>
      context.withPlatform(async (platform) => {
        const { override, expectedLive, breakGlass } = flags;
        const run = await platform.promote(tag, number, {
          ...changeOptions(flags),
          ...(override !== undefined && { override }),
          ...(expectedLive !== undefined && { expectedLive }),
          ...(breakGlass && { breakGlass }),
        });
        context.note(`run ${run.workflowId}${run.url === null ? '' : `  ${run.url}`}`);
        if (!flags.follow) {
          context.answer({ workflowId: run.workflowId, url: run.url }, () => run.workflowId);
          return;
        }
        const entry = await run.committed();
        context.answer(entry, () => describeEntry(entry));
      }),
    );
}

function ofVersion(command: Command): Command {
  return command.addArgument(new Argument('<version>').argParser(version));
}
