import type { Command } from 'commander';
import type {
  RunStatus,
  ShadowCheck,
  ShadowHandle,
  ShadowOptions,
  ShadowReport,
} from '../types.js';
import { UnknownRunError } from '../errors.js';
import type { Platform } from '../platform.js';
import { count, date, version } from './arguments.js';
import type { Context } from './context.js';
import { jsonFile } from './json-file.js';
import { follow } from './progress.js';
import { facts, instant, rounded, table } from './table.js';

interface StartFlags {
  reason: string;
  from?: Date;
  until?: Date;
  duration?: string;
  sampling?: number;
  pool?: string;
  minRequests?: number;
  checks?: string;
  booking?: string;
  key?: string;
  follow?: boolean;
}

export function addShadowCommands(program: Command, context: Context): void {
  const shadow = program
    .command('shadow')
    .description('compare a candidate with the live model on live traffic');
  addStart(shadow, context);
  addList(shadow, context);
  addReport(shadow, context);
  addExtend(shadow, context);
  addEnd(shadow, context);
}

function addStart(shadow: Command, context: Context): void {
  shadow
    .command('start <tag> <version>')
    .description('mirror live traffic to a version for a window on booked capacity')
    .requiredOption('--reason <text>', 'kept in the ledger')
    .option('--from <instant>', 'when it begins (default: now)', date)
    .option('--until <instant>', 'when it ends', date)
    .option('--duration <duration>', "how long, e.g. '24h' (default: the definition's)")
    .option('--sampling <percent>', 'share of the requests that is mirrored', Number)
    .option('--pool <name>', 'whose slot it takes')
    .option('--min-requests <count>', 'fewer decide nothing', count)
    .option('--checks <file>', "JSON of the checks (default: the definition's)")
    .option('--booking <id>', 'a booking that was made for it')
    .option('--key <key>', 'idempotency key: the same key and request is the same run')
    .option('--follow', 'show the stages and wait for the report')
    .action((tag: string, of: string, flags: StartFlags) =>
      context.withPlatform(async (platform) => {
        const run = await platform.shadow(tag, version(of), await optionsOf(flags));
        context.note(`run ${run.workflowId}${run.url === null ? '' : `  ${run.url}`}`);
        if (flags.follow === true) await finish(context, run);
        else context.answer({ workflowId: run.workflowId, url: run.url }, () => run.workflowId);
      }),
    );
}

async function optionsOf(flags: StartFlags): Promise<ShadowOptions> {
  const { reason, sampling, checks, booking, key, follow: _, ...same } = flags;
  return {
    ...{ reason, ...same },
    ...(sampling !== undefined && { samplingPercent: sampling }),
    ...(checks !== undefined && { checks: (await jsonFile(checks)) as ShadowCheck[] }),
    ...(booking !== undefined && { bookingId: booking }),
    ...(key !== undefined && { idempotencyKey: key }),
  };
}

async function finish(context: Context, run: ShadowHandle): Promise<void> {
  await follow(run.watch(), (line) => {
    context.note(line);
  });
  const report = await run.result();
  context.answer(report, () => describeReport(report));
}

function addList(shadow: Command, context: Context): void {
  shadow
    .command('list [tag]')
    .description('shadow runs, newest first')
    .option('--limit <count>', 'how many', count, 20)
    .action((tag: string | undefined, { limit }: { limit: number }) =>
      context.withPlatform(async (platform) => {
        const found: RunStatus[] = [];
        const filter = { kind: 'shadow' as const, ...(tag !== undefined && { tag }) };
        for await (const run of platform.runs.list(filter)) {
          found.push(run);
          if (found.length >= limit) break;
        }
        context.answer(found, () =>
          table(
            ['run', 'state', 'stage', 'until', 'started', 'finished'],
            found.map((run) => [
              run.workflowId,
              run.state,
              run.stage,
              instant(run.waitingFor?.until),
              instant(run.startedAt),
              instant(run.finishedAt),
            ]),
          ),
        );
      }),
    );
}

function addReport(shadow: Command, context: Context): void {
  shadow
    .command('report <runId>')
    .description('what a shadow window showed; waits for its end')
    .action((runId: string) =>
      context.withPlatform(async (platform) => {
        const report = await (await shadowRun(platform, runId)).result();
        context.answer(report, () => describeReport(report));
      }),
    );
}

function addExtend(shadow: Command, context: Context): void {
  shadow
    .command('extend <runId>')
    .description('move the end of an open window')
    .requiredOption('--until <instant>', 'its new end', date)
    .action((runId: string, flags: { until: Date }) =>
      context.withPlatform(async (platform) => {
        const { until } = await (await shadowRun(platform, runId)).extend(flags);
        context.answer(
          { workflowId: runId, until },
          () => `${runId}: until ${instant(until) ?? ''}`,
        );
      }),
    );
}

function addEnd(shadow: Command, context: Context): void {
  shadow
    .command('end <runId>')
    .description('end an open window now, and judge it by what there is')
    .requiredOption('--reason <text>', 'kept in the ledger')
    .action((runId: string, { reason }: { reason: string }) =>
      context.withPlatform(async (platform) => {
        await (await shadowRun(platform, runId)).end({ reason });
        context.answer({ workflowId: runId }, () => `${runId}: ending`);
      }),
    );
}

async function shadowRun(platform: Platform, runId: string): Promise<ShadowHandle> {
  const run = await platform.runs.get(runId);
  if (run.kind === 'shadow') return run as ShadowHandle;
  throw new UnknownRunError(
    `expected the id of a shadow run, as shadow/<tag>/<version>/<key>, got ${runId}`,
    runId,
  );
}

function describeReport(report: ShadowReport): string {
  const { window, requests } = report;
  const summary = facts([
    ['verdict', report.verdict],
    ['candidate', report.candidate],
    ['incumbent', report.incumbent],
    ['window', `${instant(window.from) ?? ''} to ${instant(window.until) ?? ''}`],
    ['extended', window.extended ? 'yes' : 'no'],
    ['requests', `${String(requests.eligible)} answered by the live model`],
    ['mirrored', `${String(requests.mirrored)}, ${String(requests.dropped)} dropped`],
    ['failed', requests.failed],
    ['route', report.routeRestored ? 'read back as before' : 'NOT SEEN to be as before'],
    ['MLflow run', report.registryRunId],
  ]);
  const checks = report.checks.map(({ rule, verdict, candidate, decides, reason }) => [
    rule,
    `${verdict}${decides ? '' : ' (dry run)'}`,
    rounded(candidate),
    rounded(reason),
  ]);
  const metrics = Object.entries(report.metrics).map(([name, value]) => [name, rounded(value)]);
  return [
    summary,
    table(['check', 'verdict', 'value', 'reason'], checks, { whole: ['reason'] }),
    ...(metrics.length > 0 ? [table(['metric', 'value'], metrics.sort())] : []),
  ].join('\n\n');
}
