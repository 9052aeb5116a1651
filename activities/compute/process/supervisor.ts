import { dirname } from 'node:path';
import { json } from 'node:stream/consumers';
import { Launch } from './records.js';
import { supervise } from './supervise.js';

/** `node supervisor.js <job directory>`, with a Launch as JSON on standard input. */
async function main(directory: string): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  // A worker that dies while it writes leaves half a document: nothing is claimed then, and the next look starts another.
  const launch = Launch.parse(await json(process.stdin));
  await supervise(directory, launch, {
    root: dirname(directory),
    stop: stop.signal,
    at: (moment) => {
      console.error(new Date().toISOString(), moment);
    },
  });
}

const [directory] = process.argv.slice(2);
if (directory === undefined)
  throw new Error('expected the job directory as the only argument, got none');
await main(directory);
// A descendant that keeps the job's output open must not keep a supervisor that has recorded the end.
process.exit(0);
