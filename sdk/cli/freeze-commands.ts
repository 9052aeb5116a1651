import type { Command } from 'commander';
import { date } from './arguments.js';
import { change, changeOptions, describeEntry, type ChangeFlags } from './changes.js';
import type { Context } from './context.js';

/** Verbs that stop promotions, of one tag or, with '*', of all. */
export function addFreezeCommands(program: Command, context: Context): void {
  change(program.command('freeze <tag>'), "stop promotions of a tag, or of all with '*'")
    .option('--until <instant>', 'when it ends by itself (default: when it is lifted)', date)
    .action((tag: string, { until, ...flags }: ChangeFlags & { until?: Date }) =>
      context.withPlatform(async (platform) => {
        const options = { ...changeOptions(flags), ...(until && { until }) };
        const entry = await platform.freeze(tag, options);
        context.answer(entry, () => describeEntry(entry));
      }),
    );

  change(program.command('unfreeze <tag>'), "lift a freeze; the one of all tags with '*'").action(
    (tag: string, flags: ChangeFlags) =>
      context.withPlatform(async (platform) => {
        const entry = await platform.unfreeze(tag, changeOptions(flags));
        context.answer(entry, () => describeEntry(entry));
      }),
  );
}
