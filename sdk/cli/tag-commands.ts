import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { GatePolicy, ScoreInput, TagStatus } from '../types.js';
import { date } from './arguments.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { facts, instant, table } from './table.js';

/** Verbs that define a tag, or look at one and change nothing. */
export function addTagCommands(program: Command, context: Context): void {
  addApply(program, context);
  addStatus(program, context);
  addLedger(program, context);
  addVerify(program, context);
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
        context.answer(result, () =>
          result.changed
            ? `${result.tag} ${result.digest}\n${table(
                ['field', 'from', 'to'],
                result.diff.map(({ path, from, to }) => [
                  path,
                  JSON.stringify(from),
                  JSON.stringify(to),
                ]),
              )}`
            : `${result.tag} ${result.digest}: nothing changed`,
        );
      }),
    );
}

function addStatus(program: Command, context: Context): void {
  program
    .command('status [tag]')
    .description('what a tag serves now; without a tag: all of them')
    .action((tag: string | undefined) =>
      context.withPlatform(async (platform) => {
        if (tag !== undefined) {
          const status = await platform.status(tag);
          context.answer(status, () => describeTag(status));
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

function addLedger(program: Command, context: Context): void {
  program
    .command('ledger <tag>')
    .description('every settled change of a tag, newest first')
    .option('--limit <count>', 'how many', Number, 20)
    .action((tag: string, flags: { limit: number }) =>
      context.withPlatform(async (platform) => {
        const entries = await platform.ledger(tag, flags);
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
              entry.reason,
            ]),
          ),
        );
      }),
    );
}

function addVerify(program: Command, context: Context): void {
  program
    .command('verify <tag>')
    .description("recompute the ledger's hash chain")
    .action((tag: string) =>
      context.withPlatform(async (platform) => {
        const outcome = await platform.verify(tag);
        const bad = outcome.firstBad;
        context.answer(outcome, () =>
          bad
            ? `entry ${String(bad.seq)} does not hold: ${bad.reason}`
            : `${String(outcome.checked)} entries hold`,
        );
        if (!outcome.ok) context.exitWith(EXIT.failed);
      }),
    );
}

function addScore(program: Command, context: Context): void {
  program
    .command('score <tag> <input>')
    .description("score through the gateway; the input is a JSON file, or '-' for standard input")
    .action((tag: string, input: string) =>
      context.withPlatform(async (platform) => {
        const body = JSON.parse(
          await readFile(input === '-' ? '/dev/stdin' : input, 'utf8'),
        ) as ScoreInput;
        const output = await platform.score(tag, body);
        context.answer(
          output,
          () =>
            `${output.modelId}\n${output.predictions.map((prediction) => JSON.stringify(prediction)).join('\n')}`,
        );
      }),
    );
}

function addSimulate(program: Command, context: Context): void {
  program
    .command('simulate <tag>')
    .description('how a gate policy would have judged the recorded evidence')
    .option('--policy <file>', "JSON of a gate policy (default: the definition's)")
    .option('--since <instant>', 'only runs since then', date)
    .action((tag: string, flags: { policy?: string; since?: Date }) =>
      context.withPlatform(async (platform) => {
        const policy =
          flags.policy === undefined
            ? undefined
            : (JSON.parse(await readFile(flags.policy, 'utf8')) as GatePolicy);
        const report = await platform.simulate(tag, policy, {
          ...(flags.since && { since: flags.since }),
        });
        context.answer(report, () => {
          const rows = report.decisions.map(({ at, runId, actual, would, reasons }) => [
            instant(at),
            runId,
            actual,
            would,
            reasons.join('; '),
          ]);
          return `${table(['at', 'MLflow run', 'actual', 'would be', 'why'], rows)}\n${String(report.changed)} would have come out otherwise`;
        });
      }),
    );
}

function describeTag(status: TagStatus): string {
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
        `${status.rollout.modelId} at ${String(status.rollout.weightPercent)} % by ${status.rollout.workflowId}`,
    ],
    ['frozen', status.frozen && `by ${status.frozen.by}: ${status.frozen.reason}`],
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
