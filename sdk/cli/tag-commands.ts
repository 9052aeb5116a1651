import type { Command } from 'commander';
import type { Platform } from '../platform.js';
import type { ApplyResult, GatePolicy, ModelDefinition, ScoreInput, TagStatus } from '../types.js';
import { date } from './arguments.js';
import type { Context } from './context.js';
import { jsonFile } from './json-file.js';
import { addLedgerCommands } from './ledger-commands.js';
import { detailOf } from './run-commands.js';
import { facts, instant, rounded, table } from './table.js';

/** Verbs that define a tag, or look at one and change nothing. */
export function addTagCommands(program: Command, context: Context): void {
  addApply(program, context);
  addStatus(program, context);
  addLedgerCommands(program, context);
  addScore(program, context);
  addSimulate(program, context);
}

function addApply(program: Command, context: Context): void {
  program
    .command('apply [file]')
    .description('create or update a definition (default: modelyard.json)')
    .option('--dry-run', 'show what would change')
    .action((file: string | undefined, flags: { dryRun?: boolean }) =>
      context.withPlatform(async (platform) => {
        const result = await platform.models.apply(
          { file: file ?? 'modelyard.json' },
          { dryRun: flags.dryRun === true },
        );
        context.answer(result, () => describeApplied(result, flags.dryRun === true));
      }),
    );
}

function describeApplied(result: ApplyResult, dryRun: boolean): string {
  if (!result.changed) return `${result.tag} ${result.digest}: nothing changed`;
  if (isNew(result)) return describeNew(result, dryRun ? 'would be created' : 'created');
  const rows = result.diff.map(({ path, from, to }) => [
    path,
    JSON.stringify(from),
    JSON.stringify(to),
  ]);
  return `${result.tag} ${result.digest}\n${table(['field', 'from', 'to'], rows)}`;
}

/** A definition that was there before has the same tag. */
function isNew({ diff }: ApplyResult): boolean {
  return diff.some(({ path, from }) => path === 'tag' && from === undefined);
}

function describeNew({ tag, digest, diff }: ApplyResult, what: string): string {
  const { training, schedule } = Object.fromEntries(
    diff.map(({ path, to }) => [path, to]),
  ) as unknown as ModelDefinition;
  return facts([
    [what, tag],
    ['digest', digest],
    ['task', typeof training.task === 'string' ? training.task : JSON.stringify(training.task)],
    ['features', training.features.length],
    ['schedule', schedule && `${schedule.cron} (${schedule.timezone ?? 'UTC'})`],
  ]);
}

function addStatus(program: Command, context: Context): void {
  program
    .command('status [tag]')
    .description('what a tag serves now; without a tag: all of them')
    .action((tag: string | undefined) =>
      context.withPlatform(async (platform) => {
        if (tag !== undefined) {
          const status = await platform.status(tag);
          const atWork = context.json ? [] : await runsAtWork(platform, tag);
          context.answer(status, () => describeTag(status, atWork));
          return;
        }
        const all: TagStatus[] = [];
        for await (const status of platform.models.list()) all.push(status);
        context.answer(all, () =>
          table(
            ['tag', 'owner', 'live', 'since', 'rollout', 'last run', 'next retrain'],
            all.map((status) => [
              status.tag,
              status.owner,
              status.live,
              instant(status.liveSince),
              status.rollout?.modelId,
              status.lastRun?.decision,
              instant(status.nextRetrain),
            ]),
          ),
        );
      }),
    );
}

function addScore(program: Command, context: Context): void {
  program
    .command('score <tag> <input>')
    .description("score through the gateway; the input is a JSON file, or '-' for standard input")
    .action(async (tag: string, input: string) => {
      const body = (await jsonFile(input)) as ScoreInput;
      await context.withPlatform(async (platform) => {
        const output = await platform.score(tag, body);
        context.answer(
          output,
          () =>
            `${output.modelId}\n${output.predictions.map((prediction) => JSON.stringify(prediction)).join('\n')}`,
        );
      });
    });
}

function addSimulate(program: Command, context: Context): void {
  program
    .command('simulate <tag>')
    .description('how a gate policy would have judged the recorded evidence')
    .option('--policy <file>', "JSON of a gate policy (default: the definition's)")
    .option('--since <instant>', 'only runs since then', date)
    .action(async (tag: string, flags: { policy?: string; since?: Date }) => {
      const policy =
        flags.policy === undefined ? undefined : ((await jsonFile(flags.policy)) as GatePolicy);
      await context.withPlatform(async (platform) => {
        const report = await platform.simulate(tag, policy, {
          ...(flags.since && { since: flags.since }),
        });
        context.answer(report, () => {
          const rows = report.decisions.map(({ at, runId, actual, would, reasons }) => [
            instant(at),
            runId,
            actual,
            would,
            rounded(reasons.join('; ')),
          ]);
          return `${table(['at', 'MLflow run', 'actual', 'would be', 'why'], rows)}\n${String(report.changed)} would have come out otherwise`;
        });
      });
    });
}

/** Each run of the tag that goes on: what it is at, and where that stands. A status without them is better than none. */
async function runsAtWork(platform: Platform, tag: string): Promise<string[]> {
  const told: string[] = [];
  try {
    for await (const run of platform.runs.list({ tag, state: 'running' })) {
      const detail = detailOf(run);
      told.push(`${run.workflowId} at ${run.stage}${detail === undefined ? '' : `: ${detail}`}`);
    }
  } catch {
    return [];
  }
  return told;
}

function describeTag(status: TagStatus, atWork: string[]): string {
  return facts([
    ['tag', status.tag],
    ['owner', status.owner],
    ['live', status.live],
    ['since', instant(status.liveSince)],
    [
      'previous',
      status.previous === null ? null : `${status.previous}${status.previousWarm ? ' (warm)' : ''}`,
    ],
    [
      'rollout',
      status.rollout &&
        `${status.rollout.modelId} at ${String(status.rollout.weightPercent)} % by ${status.rollout.workflowId}${status.rollout.waitingFor === null ? '' : `, waits for: ${status.rollout.waitingFor}`}`,
    ],
    [
      'shadow',
      status.shadow &&
        `${status.shadow.modelId} until ${instant(status.shadow.until) ?? ''} by ${status.shadow.workflowId}`,
    ],
    ...atWork.map((run): [string, string] => ['at work', run]),
    [
      'frozen',
      status.frozen &&
        `by ${status.frozen.by}${status.frozen.until ? ` until ${instant(status.frozen.until) ?? ''}` : ''}: ${status.frozen.reason}`,
    ],
    ['retired', status.retired && `by ${status.retired.by}: ${status.retired.reason}`],
    ['quarantined', status.quarantined.join(', ') || null],
    ['ledger', `${String(status.seq)} entries`],
    ['registry', status.registry.inSync ? 'in sync' : `${String(status.registry.pending)} pending`],
    [
      'serving',
      status.serving.inSync
        ? 'in sync'
        : `fence ${String(status.serving.observedFence)} of ${String(status.fence)} seen`,
    ],
    [
      'last run',
      status.lastRun && `${status.lastRun.workflowId}: ${status.lastRun.decision ?? 'no decision'}`,
    ],
    ['next retrain', instant(status.nextRetrain)],
  ]);
}
