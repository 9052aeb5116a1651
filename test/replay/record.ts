// Records the histories of this directory anew, from runs on a stack of its own:
//   node scripts/build.mjs && node_modules/.bin/node test/replay/record.ts
// A recording is what a worker of a later version must be able to go on with: record anew only with the release of a
// workflow change that breaks old runs on purpose.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Platform } from 'modelyard';
import { startStack } from 'modelyard/dev';
import { LOGIC } from '../../dist/workflows/policy/tag/logic.js';
import { neutral } from './neutral.ts';
import { record, type Recorded } from './scenarios.ts';

const HERE = fileURLToPath(new URL(`logic-${String(LOGIC)}`, import.meta.url));
const { values: options } = parseArgs({
  options: { directory: { type: 'string', default: '.modelyard/replay' } },
});

await rm(options.directory, { recursive: true, force: true });
await using stack = await startStack({ directory: options.directory });
await using platform = await Platform.connect({
  temporal: { address: stack.temporal.address },
  mlflow: { trackingUri: stack.mlflow.url },
  gateway: { url: stack.gateway.url },
  actor: 'recorder',
});
await using approver = await Platform.connect({
  temporal: { address: stack.temporal.address },
  actor: 'approver',
});
const connection = await Connection.connect({ address: stack.temporal.address });
const temporal = new Client({ connection, namespace: stack.temporal.namespace });

const recorded = await record(platform, approver, temporal);
await rm(HERE, { recursive: true, force: true });
for (const run of recorded) await keep(run);
await connection.close();

/** All runs of one workflow id, in the order in which they continued each other. */
async function keep({ type, scenario, workflowId, firstRunId }: Recorded): Promise<void> {
  await mkdir(join(HERE, type), { recursive: true });
  let runId: string | undefined = firstRunId;
  for (let page = 1; ; page += 1) {
    const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    const json = JSON.parse(historyToJSON(history)) as unknown;
    const name = page === 1 ? scenario : `${scenario}, page ${String(page)}`;
    const file = join(HERE, type, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`);
    await writeFile(file, JSON.stringify({ workflowId, history: neutral(json) }));
    console.log(file);
    const next = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
    if (!next?.newExecutionRunId) return;
    runId = next.newExecutionRunId;
  }
}
