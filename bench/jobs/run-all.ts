import type { Client } from '@temporalio/client';
import type { JobEnd } from '../../dist/activities/compute/activities.js';
import type { JobSpec } from '../../dist/temporal/contracts/job.js';
import type { Plan } from './arm.ts';

const QUARTERS = 4;
const HOUR_MS = 3_600_000;

interface Ran<Look> {
  tookMs: number[];
  /** Why, of each that did not succeed. */
  failed: string[];
  seconds: number;
  memory: Look[];
}

export async function runAll<Look>(
  { name, jobs, atOnce }: Plan,
  client: Client,
  look: () => Promise<Look>,
): Promise<Ran<Look>> {
  const ran: Ran<Look> = { tookMs: [], failed: [], seconds: 0, memory: [await look()] };
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < jobs) {
      const job = specOf(`${name}-${String(begun)}`);
      begun += 1;
      const startedAt = performance.now();
      const why = await whyFailed(client, job, name);
      ran.tookMs.push(performance.now() - startedAt);
      if (why !== undefined) ran.failed.push(why);
      if (ran.tookMs.length % Math.ceil(jobs / QUARTERS) === 0) ran.memory.push(await look());
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { ...ran, seconds: (performance.now() - startedAt) / 1_000 };
}

async function whyFailed(
  client: Client,
  job: JobSpec,
  taskQueue: string,
): Promise<string | undefined> {
  const options = { workflowId: job.name, taskQueue, args: [job] };
  try {
    const end = (await client.workflow.execute('oneJob', options)) as JobEnd;
    return end.ended === 'succeeded' ? undefined : end.failure.message;
  } catch (error) {
    return String(error instanceof Error ? (error.cause ?? error) : error);
  }
}

function specOf(name: string): JobSpec {
  return {
    name,
    target: 'default',
    owner: name,
    tag: 'bench',
    program: { kind: 'harness', step: 'train' },
    document: { key: name },
    resources: { class: 'cpu' },
    tier: 'standard',
    secrets: {},
    timeoutMs: HOUR_MS,
    deadline: new Date(Date.now() + HOUR_MS).toISOString(),
  };
}
