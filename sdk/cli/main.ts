#!/usr/bin/env node
import { runCommandLine } from './program.js';

process.exitCode = await runCommandLine(process.argv, (text) => {
  process.stderr.write(`${text}\n`);
});
