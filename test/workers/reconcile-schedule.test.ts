import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECONCILE_SCHEDULE_ID } from '../../temporal/ids.js';
import { scheduleSweeps } from '../../workers/reconcile-schedule.js';
import { startTemporal, type TemporalServer } from '../sdk/fixtures/server.js';

let server: TemporalServer;
let client: Client;
beforeAll(async () => {
  server = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
});
afterAll(async () => {
  await client.connection.close();
  await server[Symbol.asyncDispose]();
});

const schedule = () => client.schedule.getHandle(RECONCILE_SCHEDULE_ID);

describe('the sweeps that a worker schedules', () => {
  it('F11 come every half minute, one at a time', async () => {
    await scheduleSweeps(client, 'queue');
    const { spec, action, policies } = await schedule().describe();
    expect(spec.intervals).toMatchObject([{ every: 30_000 }]);
    expect(action).toMatchObject({
      workflowType: 'reconcile',
      taskQueue: 'queue',
      args: [{ everyMs: 30_000 }],
    });
    expect(policies.overlap).toBe('SKIP');
  });

  it('follow a changed configuration, and stay paused when somebody paused them', async () => {
    await schedule().pause('an upgrade');
    await scheduleSweeps(client, 'other', '5m');
    const { spec, action, state } = await schedule().describe();
    expect(spec.intervals).toMatchObject([{ every: 300_000 }]);
    expect(action).toMatchObject({ taskQueue: 'other', args: [{ everyMs: 300_000 }] });
    expect(state.paused).toBe(true);
  });

  it('end where they are switched off, once and for all', async () => {
    await scheduleSweeps(client, 'queue', 'off');
    await scheduleSweeps(client, 'queue', 'off');
    await expect(schedule().describe()).rejects.toBeInstanceOf(ScheduleNotFoundError);
  });
});
