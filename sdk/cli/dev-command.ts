import { Option, type Command } from 'commander';
import type { Stack } from '../dev/stack.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
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
      const interrupted = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          // Whoever asks twice does not want to wait for a start to finish.
          if (interrupted.signal.aborted) process.exit(EXIT.failed);
          interrupted.abort();
        });
      }
      const { startStack } = await import('../dev/index.js');
      const stack = await startStack(flags);
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
      context.note(
        stack.attachedTo === null
          ? 'Ctrl-C stops it; its state stays in the directory'
          : `attached to the stack of process ${String(stack.attachedTo)}; Ctrl-C leaves it running`,
      );
      await untilTheEnd(stack, { directory: flags.directory, context, signal: interrupted.signal });
    });
}

/** Only the process that owns the stack stops it, unless somebody else did: another may run there by then. */
async function untilTheEnd(
  stack: Stack,
  { directory, context, signal }: { directory: string; context: Context; signal: AbortSignal },
): Promise<void> {
  const { endOfStack } = await import('../dev/watch.js');
  const end = await endOfStack(directory, stack, signal).catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
  if (end !== null) {
    context.note(end.why);
    context.exitWith(EXIT.failed);
  }
  if (stack.attachedTo === null && end?.stopped !== true) await stack.stop();
}
