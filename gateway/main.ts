#!/usr/bin/env node
import { startGateway } from './gateway.js';
import { logToStderr, messageOf } from './log.js';
import { readOptions } from './options.js';

async function main(): Promise<void> {
  const gateway = await startGateway(readOptions(process.argv.slice(2), process.env));
  const stop = (signal: NodeJS.Signals): void => {
    logToStderr('stopping', { signal });
    void gateway.close().then(
      () => process.exit(0),
      (error: unknown) => {
        fail(error);
      },
    );
  };
  // Not once: a second signal would meet Node's default and leave the model servers behind.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: gateway.url })}\n`);
}

function fail(error: unknown): never {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

main().catch(fail);
