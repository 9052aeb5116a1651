import { Argument, type Command } from 'commander';
import type { ShadowPool, ShadowPoolStatus } from '../shadow-pools.js';
import { count, date, version } from './arguments.js';
import type { Context } from './context.js';
import { instant, table } from './table.js';

interface Window {
  from: Date;
  until: Date;
}

export function addPoolCommands(program: Command, context: Context): void {
  const pools = program.command('pools').description('slots for shadow windows, booked ahead');
  addList(pools, context);
  addApply(pools, context);
  addBook(pools, context);
  addCancel(pools, context);
  addCalendar(pools, context);
}

function addList(pools: Command, context: Context): void {
  pools
    .command('list', { isDefault: true })
    .description('all pools that were applied or booked, with what is booked of them')
    .action(() =>
      context.withPlatform(async (platform) => {
        const all: ShadowPoolStatus[] = [];
        for await (const pool of platform.shadowPools.list()) all.push(pool);
        context.answer(all, () =>
          table(
            ['pool', 'slots', 'tiers', 'booked'],
            all.map(({ name, slots, tiers, active }) => [
              name,
              slots,
              tiers?.join(', ') ?? 'every tier',
              active,
            ]),
          ),
        );
      }),
    );
}

function addApply(pools: Command, context: Context): void {
  pools
    .command('apply <pool>')
    .description('create a pool, or change its slots')
    .requiredOption('--slots <count>', 'how many windows there may be at any instant', count)
    .option('--tiers <tiers...>', 'whose tags may book: critical, standard, experimental')
    .action((name: string, spec: Omit<ShadowPool, 'name'>) =>
      context.withPlatform(async (platform) => {
        await platform.shadowPools.apply({ name, ...spec });
        context.answer({ name, ...spec }, () => `${name}: applied`);
      }),
    );
}

function addBook(pools: Command, context: Context): void {
  windowOptions(pools.command('book <pool> <tag>'))
    .addArgument(new Argument('<version>').argParser(version))
    .description('book a window for a version, which its shadow run takes')
    .action((pool: string, tag: string, candidate: number, window: Window) =>
      context.withPlatform(async (platform) => {
        const booking = { tag, version: candidate, ...window };
        const booked = await platform.shadowPools.book(pool, booking);
        context.answer(booked, () => booked.bookingId);
      }),
    );
}

function addCancel(pools: Command, context: Context): void {
  pools
    .command('cancel <pool> <bookingId>')
    .description('free what is left of a booking')
    .action((pool: string, bookingId: string) =>
      context.withPlatform(async (platform) => {
        await platform.shadowPools.cancel(pool, bookingId);
        context.answer({ bookingId }, () => `${bookingId}: freed`);
      }),
    );
}

function addCalendar(pools: Command, context: Context): void {
  windowOptions(pools.command('calendar <pool>'))
    .description('the bookings of a period, earliest first')
    .action((pool: string, window: Window) =>
      context.withPlatform(async (platform) => {
        const bookings = await platform.shadowPools.calendar(pool, window);
        context.answer(bookings, () =>
          table(
            ['booking', 'model', 'from', 'until', 'state', 'by', 'why'],
            bookings.map((booking) => [
              booking.bookingId,
              `${booking.tag}/${String(booking.version)}`,
              instant(booking.from),
              instant(booking.until),
              booking.state,
              booking.bookedBy,
              booking.reason,
            ]),
          ),
        );
      }),
    );
}

const windowOptions = (command: Command): Command =>
  command
    .requiredOption('--from <instant>', 'first instant', date)
    .requiredOption('--until <instant>', 'end, itself left out', date);
