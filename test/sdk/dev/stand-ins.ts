import { join } from 'node:path';

import type { Parts } from '../../../sdk/dev/services.js';
import { obtainTemporalCli } from '../../../sdk/dev/setup/tools.mjs';
import { executable } from '../../temporal/server/stand-in.js';

const SERVER = `
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
require('node:http').createServer((request, response) => response.end('{}')).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

const WORKER = `
setTimeout(() => console.log(JSON.stringify({ event: 'ready', pid: process.pid })), 50);
setInterval(() => {}, 1000);
process.on('SIGTERM', () => process.exit(0));
`;

/** A stack on a real Temporal server whose other parts only answer. */
export async function standInParts(directory: string): Promise<Parts> {
  const temporalCli = await obtainTemporalCli({ report: () => undefined });
  const python = await executable(join(directory, 'python'), `#!${process.execPath}\n${SERVER}`);
  return {
    node: process.execPath,
    gatewayEntry: await executable(join(directory, 'gateway.cjs'), SERVER),
    workerEntry: await executable(join(directory, 'worker.cjs'), WORKER),
    build: '1',
    tools: { home: join(directory, 'home'), temporalCli, python, harness: directory },
  };
}
