#!/usr/bin/env node
import { runCommandLine } from './program.js';

// A reader that has seen enough, as `head`, is no failure of the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await runCommandLine(process.argv, (text) => {
  process.stderr.write(`${text}\n`);
});
