import type { Command } from 'commander';
import type { ScheduleSpec, ScheduleStatus } from '../types.js';
import { date } from './arguments.js';
import type { Context } from './context.js';
import { instant, table } from './table.js';

export function addScheduleCommands(program: Command, context: Context): void {
  const schedules = program
    .command('schedules')
    .description("retrains by the clock; ids read 'tag/<tag>'");
  addList(schedules, context);
  addApply(schedules, context);
  addBackfill(schedules, context);
  addSwitches(schedules, context);
}

function addList(schedules: Command, context: Context): void {
  schedules
    .command('list', { isDefault: true })
    .description('all schedules with their next slot')
    .action(() =>
      context.withPlatform(async (platform) => {
        const all: ScheduleStatus[] = [];
        for await (const status of platform.schedules.list()) all.push(status);
        context.answer(all, () =>
          table(
            ['schedule', 'cron', 'time zone', 'next', 'missed', 'skipped', 'paused'],
            all.map((status) => [
              status.id,
              status.spec.cron,
              status.spec.timezone ?? 'UTC',
              instant(status.next[0]),
              status.missed,
              status.skipped,
              status.paused?.reason,
            ]),
          ),
        );
      }),
    );
}

function addApply(schedules: Command, context: Context): void {
  schedules
    .command('apply <tag>')
    .description("set the schedule of a tag's definition")
    .requiredOption('--cron <expression>', 'five fields')
    .option('--timezone <name>', 'an IANA time zone (default: UTC)')
    .option('--spread <duration>', "a tag's own, constant delay within this duration")
    .option('--catch-up <duration>', 'how old a missed slot may be and still run (default: 1h)')
    .option('--overlap <policy>', 'skip, buffer-one or cancel-other (default: skip)')
    .action((tag: string, spec: ScheduleSpec) =>
      context.withPlatform(async (platform) => {
        const result = await platform.schedules.apply(tag, spec);
        context.answer(
          result,
          () => `tag/${tag}: ${result.changed ? 'applied' : 'nothing changed'}`,
        );
      }),
    );
}

function addBackfill(schedules: Command, context: Context): void {
  schedules
    .command('backfill <id>')
    .description('run the slots of a period, oldest first')
    .requiredOption('--from <instant>', 'first instant', date)
    .requiredOption('--until <instant>', 'end, itself left out', date)
    .action((id: string, range: { from: Date; until: Date }) =>
      context.withPlatform(async (platform) => {
        await platform.schedules.backfill(id, range);
        context.answer({ id }, () => `${id}: backfill begun`);
      }),
    );
}

function addSwitches(schedules: Command, context: Context): void {
  schedules
    .command('pause <id>')
    .requiredOption('--reason <text>', 'shown until it is resumed')
    .action((id: string, flags: { reason: string }) =>
      context.withPlatform(async (platform) => {
        await platform.schedules.pause(id, flags);
        context.answer({ id }, () => `${id}: paused`);
      }),
    );

  for (const [verb, done] of [
    ['resume', 'resumed'],
    ['trigger', 'started a run'],
    ['delete', 'deleted'],
  ] as const) {
    schedules.command(`${verb} <id>`).action((id: string) =>
      context.withPlatform(async (platform) => {
        await platform.schedules[verb](id);
        context.answer({ id }, () => `${id}: ${done}`);
      }),
    );
  }
}
