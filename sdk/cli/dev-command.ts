import { Option, type Command } from 'commander';
import type { Context } from './context.js';
import { facts } from './table.js';

/** The embedded stack in the foreground, with the settings another terminal needs to use it. */
export function addDevCommand(program: Command, context: Context): void {
  program
    .command('dev')
    .description('run the whole stack on this machine: Temporal, MLflow, gateway, worker')
    .option('--directory <path>', 'where its state is kept', '.modelyard')
    .addOption(
      new Option('--log <level>', 'what is told while it starts')
        .choices(['quiet', 'info'])
        .default('info'),
    )
    .action(async (flags: { directory: string; log: 'quiet' | 'info' }) => {
      const ended = new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
      });
      const { startStack } = await import('../dev/index.js');
      await using stack = await startStack(flags);
      const settings = {
        TEMPORAL_ADDRESS: stack.temporal.address,
        TEMPORAL_NAMESPACE: stack.temporal.namespace,
        TEMPORAL_UI_URL: stack.temporal.uiUrl,
        MLFLOW_TRACKING_URI: stack.mlflow.url,
        MODELYARD_GATEWAY_URL: stack.gateway.url,
      };
      context.answer(settings, () =>
        Object.entries(settings)
          .map(([name, value]) => `export ${name}=${value}`)
          .join('\n'),
      );
      context.note(
        facts([
          ['Temporal', stack.temporal.uiUrl],
          ['MLflow', stack.mlflow.url],
          ['gateway', stack.gateway.url],
        ]),
      );
      context.note('Ctrl-C stops it; its state stays in the directory');
      // Holds the process: neither a signal's listener nor the stack's children do.
      const alive = setInterval(() => undefined, 60_000);
      await ended;
      clearInterval(alive);
    });
}
