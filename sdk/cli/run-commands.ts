import { Option, type Command } from 'commander';
import type { RetrainHandle, RetrainOptions, RetrainResult, RunStatus } from '../types.js';
import { count, date, jsonObject } from './arguments.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { follow } from './progress.js';
import { facts, instant, rounded, table } from './table.js';

interface RetrainFlags {
  asOf?: Date;
  params?: Record<string, unknown>;
  promote: boolean;
  key?: string;
  reason?: string;
  follow?: boolean;
  expect?: string;
}

interface RunsFlags {
  kind?: 'retrain';
  state?: 'running';
  waitingFor?: 'approval';
  limit: number;
}

const KINDS = ['retrain', 'evaluate', 'rollout', 'shadow', 'fleet'];
const STATES = ['running', 'waiting', 'completed', 'failed', 'cancelled'];

export function addRunCommands(program: Command, context: Context): void {
  addRetrain(program, context);
  addEvaluate(program, context);
  addRuns(program, context);
  addCancel(program, context);
}

function addRetrain(program: Command, context: Context): void {
  program
    .command('retrain <tag>')
    .description(
      'train, evaluate against the live model, gate, and promote when the definition says so',
    )
    .option('--as-of <instant>', 'data cut-off (default: now)', date)
    .option(
      '--params <json>',
      "over the definition's params: a key replaces, null removes",
      jsonObject,
    )
    .option('--no-promote', 'record the verdict, promote nothing')
    .option('--key <key>', 'idempotency key: the same key and request is the same run')
    .option('--reason <text>', 'kept with the run')
    .option('--follow', 'show the stages and wait for the decision (default on a terminal)')
    .option('--no-follow', 'print the run and return')
    .addOption(
      new Option(
        '--expect <decision>',
        `exit ${String(EXIT.unexpected)} on any other decision`,
      ).choices(['promoted', 'better-not-promoted', 'not-better', 'inconclusive', 'skipped']),
    )
    .action((tag: string, flags: RetrainFlags) =>
      context.withPlatform(async (platform) => {
        const run = await platform.retrain(tag, retrainOptions(flags));
        context.note(`run ${run.workflowId}${run.url === null ? '' : `  ${run.url}`}`);
        const waits = flags.follow ?? (process.stdout.isTTY || flags.expect !== undefined);
        if (waits) await finish(context, run, flags.expect);
        else context.answer({ workflowId: run.workflowId, url: run.url }, () => run.workflowId);
      }),
    );
}

function addEvaluate(program: Command, context: Context): void {
  program
    .command('evaluate <modelId>')
    .description('score a registered model on a holdout, e.g. a later one when labels arrived late')
    .option('--from <instant>', 'first instant of the holdout', date)
    .option('--until <instant>', 'end of the holdout', date)
    .option('--against <model>', "a model id, 'live' or 'none'")
    .option('--key <key>', 'idempotency key')
    .action(
      (modelId: string, flags: { from?: Date; until?: Date; against?: string; key?: string }) =>
        context.withPlatform(async (platform) => {
          const run = await platform.evaluate(modelId, {
            ...((flags.from ?? flags.until) && {
              holdout: { from: flags.from, until: flags.until } as { from: Date; until: Date },
            }),
            ...(flags.against !== undefined && { against: flags.against }),
            ...(flags.key !== undefined && { idempotencyKey: flags.key }),
          });
          context.note(`run ${run.workflowId}`);
          const report = await run.result();
          const rows = Object.entries(report.metrics).map(([name, value]) => [
            name,
            rounded(value),
          ]);
          context.answer(report, () => table(['metric', 'value'], rows.sort()));
        }),
    );
}

function addRuns(program: Command, context: Context): void {
  program
    .command('runs [tag]')
    .description('runs, newest first')
    .addOption(new Option('--kind <kind>', 'what they do').choices(KINDS))
    .addOption(new Option('--state <state>', 'how far they are').choices(STATES))
    .addOption(
      new Option('--waiting-for <what>', 'only runs that wait for it').choices(['approval']),
    )
    .option('--limit <count>', 'how many', count, 20)
    .action((tag: string | undefined, flags: RunsFlags) =>
      context.withPlatform(async (platform) => {
        const { limit, ...filter } = flags;
        const found: RunStatus[] = [];
        for await (const run of platform.runs.list({
          ...filter,
          ...(tag !== undefined && { tag }),
        })) {
          found.push(run);
          if (found.length >= limit) break;
        }
        context.answer(found, () =>
          table(
            ['run', 'state', 'stage', 'waits for', 'started', 'finished', 'detail'],
            found.map((run) => [
              run.workflowId,
              run.state,
              run.stage,
              waiting(run),
              instant(run.startedAt),
              instant(run.finishedAt),
              detailOf(run),
            ]),
            { whole: ['detail'] },
          ),
        );
      }),
    );
}

/** What the stage that a run is in says of itself. */
export function detailOf({ stage, stages }: RunStatus): string | undefined {
  return stages.find(({ name }) => name === stage)?.detail;
}

/** 'approval 1 of 2 until …'. */
function waiting({ waitingFor }: RunStatus): string | null {
  if (waitingFor === undefined) return null;
  const { what, have, need, until } = waitingFor;
  const counted = need === undefined ? '' : ` ${String(have ?? 0)} of ${String(need)}`;
  return `${what}${counted}${until ? ` until ${instant(until) ?? ''}` : ''}`;
}

function addCancel(program: Command, context: Context): void {
  program
    .command('cancel <runId>')
    .description('end a run; what it began is undone or left to be adopted')
    .requiredOption('--reason <text>', 'kept with the run')
    .action((runId: string, { reason }: { reason: string }) =>
      context.withPlatform(async (platform) => {
        const run = await platform.runs.get(runId);
        await run.cancel(reason);
        context.answer({ workflowId: runId }, () => `${runId}: cancelled`);
      }),
    );
}

function retrainOptions(flags: RetrainFlags): RetrainOptions {
  return {
    ...(flags.asOf && { asOf: flags.asOf }),
    ...(flags.params && { params: flags.params }),
    ...(!flags.promote && { autoPromote: false }),
    ...(flags.key !== undefined && { idempotencyKey: flags.key }),
    ...(flags.reason !== undefined && { reason: flags.reason }),
  };
}

async function finish(
  context: Context,
  run: RetrainHandle,
  expected: string | undefined,
): Promise<void> {
  await follow(run.watch(), (line) => {
    context.note(line);
  });
  const result = await run.result();
  context.answer(result, () => describeResult(result));
  if (expected !== undefined && result.decision !== expected) context.exitWith(EXIT.unexpected);
}

function describeResult(result: RetrainResult): string {
  const summary = facts([
    ['decision', result.decision],
    ['reason', result.reason],
    ['model', result.modelId],
    ['incumbent', result.incumbent],
    ['data cut-off', instant(result.dataCutoff)],
    ['code', result.codeRevision],
    ['MLflow run', result.registryRunId],
  ]);
  if (result.gate === null) return summary;
  const checks = result.gate.checks.map((check) => [
    check.rule,
    check.verdict,
    rounded(check.candidate),
    rounded(check.incumbent),
    rounded(check.reason),
  ]);
  return `${summary}\n\n${table(['gate check', 'verdict', 'candidate', 'incumbent', 'reason'], checks)}`;
}
