import type { Command } from 'commander';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { table } from './table.js';

export function addReconcileCommand(program: Command, context: Context): void {
  program
    .command('reconcile')
    .description(
      'compare what the gateway, MLflow and the jobs hold with what the tags mean, and put it right',
    )
    .argument('[tag]', 'every tag when it is left out')
    .option('--dry-run', 'report only')
    .action((tag: string | undefined, flags: { dryRun?: true }) =>
      context.withPlatform(async (platform) => {
        const report = await platform.reconcile(tag, flags);
        const { findings } = report;
        context.answer(report, () =>
          findings.length === 0
            ? 'nothing differs'
            : table(
                ['tag', 'repaired', 'what'],
                findings.map(({ tag: of, repaired, what }) => [of, repaired ? 'yes' : 'no', what]),
                { whole: ['what'] },
              ),
        );
        if (findings.some(({ repaired }) => !repaired)) context.exitWith(EXIT.failed);
      }),
    );
}
