// Retraining by the clock. Notice:
// - the schedule is a part of the definition: applied with it, in the same journal, and removed with it;
// - a slot's nominal time is in its run's id and is its data cut-off, however late the run starts;
// - a backfill runs the slots of a period one after the other, and asked again it starts nothing;
// - a paused schedule starts nothing by itself, and a person may still trigger it;
// - an end is told as a decision with a reason: here the newer model is not better by the margin.
import { connect } from '../customers/connect.ts';
import { customersModel } from '../customers/definition.ts';
import type { ScheduleStatus } from 'modelyard';

const POLL_MS = 500;
const PATIENCE_MS = 180_000;

await using connected = await connect();
const { platform } = connected;
const definition = {
  ...customersModel('nightly'),
  schedule: { cron: '0 2 * * *', timezone: 'UTC', catchUp: '2h' },
};
const { tag } = definition;
const id = `tag/${tag}`;

await platform.models.apply(definition);
const { spec, next } = await scheduleWith(() => true);
console.log(`${id}: ${spec.cron}, next at ${next.slice(0, 3).map(iso).join(', ')}`);

await platform.schedules.pause(id, { reason: 'the warehouse moves this week' });
console.log(
  `paused: ${String((await scheduleWith(({ paused }) => paused !== null)).paused?.reason)}`,
);

const night = { from: new Date('2025-03-20T00:00:00Z'), until: new Date('2025-03-21T00:00:00Z') };
await platform.schedules.backfill(id, night);
await tell(await started(1));
await platform.schedules.backfill(id, night);
await platform.schedules.trigger(id);
await tell(await started(2));

await platform.schedules.resume(id);
await platform.schedules.delete(id);
const { schedule } = await platform.models.get(tag);
console.log(`deleted; the definition has ${schedule === undefined ? 'no schedule' : 'one still'}`);

/** The workflow id of the newest run, once the schedule has started this many. */
async function started(count: number): Promise<string> {
  const { recent } = await scheduleWith((status) => status.recent.length === count);
  return recent.at(-1)?.workflowId ?? '';
}

async function tell(workflowId: string): Promise<void> {
  const run = await platform.runs.get(workflowId);
  if (!('gate' in run)) throw new Error(`expected a retrain, got ${workflowId}`);
  const { decision, dataCutoff, reason } = await run.result();
  console.log(`${workflowId}\n  data until ${iso(dataCutoff)}: ${decision}, ${reason}`);
}

async function scheduleWith(fits: (status: ScheduleStatus) => boolean): Promise<ScheduleStatus> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
    for await (const status of platform.schedules.list())
      if (status.id === id && fits(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${id} was not as expected within ${String(PATIENCE_MS / 1000)} s`);
}

function iso(instant: Date): string {
  return instant.toISOString().replace('.000Z', 'Z');
}
