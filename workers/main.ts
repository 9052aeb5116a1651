import { parseArgs } from 'node:util';
import { createWorker } from './create-worker.js';

/** `node dist/workers/main.js --config FILE`: a worker that says when it polls and drains on SIGTERM. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new Error('expected --config FILE');
  const worker = await createWorker({ file: values.config });
  const stop = (): void => {
    worker.shutdown().catch(() => undefined); // `run` tells the same
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const done = worker.run();
  process.stdout.write(`${JSON.stringify({ event: 'ready', pid: process.pid })}\n`);
  await done;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  // What did not end in time would keep the process alive.
  process.exit(1);
});
