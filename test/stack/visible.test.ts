import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { RetrainHandle, RetrainResult, RunStatus } from 'modelyard';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { spentBy } from './support/actions.js';
import { connected, CUTOFF, definitionOf, newTag, type Connected } from './support/platform.js';

/** Without the tries after an activity's first, which grow with the time that training takes and add no event. */
const MOST = { events: 80, bytes: 65_536, actions: 20 };

const EVENTUALLY = { timeout: 60_000, interval: 500 };

let on: Connected;
let temporal: Client;
beforeAll(async () => {
  on = await connected();
  const { address, namespace } = on.stack.temporal;
  temporal = new Client({ connection: await Connection.connect({ address }), namespace });
});
afterAll(async () => {
  await temporal.connection.close();
  await on.platform.close();
});

describe('a retrain that promotes over a live model', () => {
  const tag = newTag('visible');
  let run: RetrainHandle;
  let result: RetrainResult;
  beforeAll(async () => {
    for (const better of [false, true]) {
      await on.platform.models.apply(definitionOf(tag, { better }));
      run = await on.platform.retrain(tag, { asOf: CUTOFF, reason: 'more | columns' });
      result = await run.result();
    }
    expect(result).toMatchObject({ decision: 'promoted', incumbent: `${tag}/1` });
  });

  it('C2 is found by tag, model id, stage, decision and owner', async () => {
    const query = [
      `ModelTag = '${tag}'`,
      `ModelId = '${tag}/2'`,
      `Decision = 'promoted'`,
      `Stage = 'handover'`,
      `Owner = 'testers'`,
    ].join(' AND ');
    await vi.waitFor(async () => {
      const found: string[] = [];
      for await (const { workflowId } of temporal.workflow.list({ query })) found.push(workflowId);
      expect(found).toEqual([run.workflowId]);
    });
    const rollout = await run.rollout();
    await vi.waitFor(async () => {
      expect(await attributesOf(rollout?.workflowId ?? '')).toEqual({
        ModelTag: tag,
        ModelId: `${tag}/2`,
        Decision: 'promoted',
        Stage: 'commit',
        Owner: 'testers',
      });
    });
  });

  it('C2 shows its stages as a table, who asked and why as its summary, and its jobs by name', async () => {
    const handle = temporal.workflow.getHandle(run.workflowId);
    const { currentDetails } = await handle.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    const stages = [
      ...currentDetails.matchAll(/^\| ✔ (\w+)\u2003 \| done\u2003 \| \d+\.\d s\u2003 \|/gm),
    ];
    expect(stages.map(([, name]) => name)).toEqual([
      'admission',
      'training',
      'registration',
      'evaluation',
      'gate',
      'handover',
    ]);
    const described = await handle.describe();
    expect(await described.staticSummary()).toBe(`retrain ${tag} by tester: more \\| columns`);
    const { events } = await handle.fetchHistory();
    const summaries = (events ?? []).flatMap(({ userMetadata }) =>
      userMetadata?.summary
        ? [defaultPayloadConverter.fromPayload<string>(userMetadata.summary)]
        : [],
    );
    expect(summaries).toEqual(
      expect.arrayContaining(['train, attempt 1', 'evaluate, attempt 1']) as unknown,
    );
  });

  it("C2 shows the tag's pointer and its newest moves on the tag's own page", async () => {
    const handle = temporal.workflow.getHandle(`tag/${tag}`);
    const { currentDetails } = await handle.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    expect(currentDetails).toContain(`| live\u2003 | \`${tag}/2\` |`);
    expect(currentDetails).toContain(`| previous\u2003 | \`${tag}/1\` |`);
    expect(currentDetails).toMatch(
      /promote\u00A0to\u00A02\u2003 \| tester\u2003 \| more \\\| columns/,
    );
    await vi.waitFor(async () => {
      const shown = { ModelTag: tag, ModelId: `${tag}/2`, Owner: 'testers' };
      expect(await attributesOf(`tag/${tag}`)).toEqual(shown);
    });
  });

  it('C1 stays within the budget of events, bytes and actions', async () => {
    const spent = await spentBy(temporal, run.workflowId);
    expect(spent.events).toBeLessThanOrEqual(MOST.events);
    expect(spent.bytes).toBeLessThanOrEqual(MOST.bytes);
    expect(spent.actions).toBeLessThanOrEqual(MOST.actions);
    const rollout = await run.rollout();
    const promoting = await spentBy(temporal, rollout?.workflowId ?? '');
    console.info(`retrain ${JSON.stringify(spent)}, rollout ${JSON.stringify(promoting)}`);
    expect(promoting.events).toBeLessThanOrEqual(MOST.events);
    expect(promoting.bytes).toBeLessThanOrEqual(MOST.bytes);
    expect(promoting.actions).toBeLessThanOrEqual(MOST.actions);
  });
});

describe('a training that goes on', () => {
  const tag = newTag('at-work');
  let run: RetrainHandle;
  beforeAll(async () => {
    await on.platform.models.apply(definitionOf(tag, { params: { behave: 'hang' } }));
    run = await on.platform.retrain(tag, { asOf: CUTOFF });
  });
  afterAll(() => run.cancel('seen'));

  const progress = /running: for \d+ s/;
  const detailIn = ({ stages }: RunStatus): string | undefined =>
    stages.find(({ name }) => name === 'training')?.detail;

  it('C2 R5 tells in its status where its job stands, between the looks at it too, and grows no history by that', async () => {
    await expect.poll(async () => detailIn(await run.status()), EVENTUALLY).toMatch(progress);
    const handle = temporal.workflow.getHandle(run.workflowId);
    const { historyLength } = await handle.describe();
    await expect
      .poll(async () => (await handle.describe()).raw.pendingActivities?.[0]?.attempt, EVENTUALLY)
      .toBeGreaterThan(2);
    expect(detailIn(await run.status())).toMatch(progress);
    expect((await handle.describe()).historyLength).toBe(historyLength);
  });

  it("C2 R5 is listed with it, and the command line's status and runs say it", async () => {
    const listed: (string | undefined)[] = [];
    for await (const each of on.platform.runs.list({ tag, state: 'running' }))
      listed.push(detailIn(each));
    expect(listed).toEqual([expect.stringMatching(progress)]);
    const told = `${run.workflowId} at training: running: for `;
    expect(await modelyard('status', tag)).toContain(told);
    expect(await modelyard('runs', tag)).toMatch(progress);
  });
});

const CLI = fileURLToPath(new URL('../../dist/sdk/cli/main.js', import.meta.url));

/** What the command line prints of this stack. */
async function modelyard(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], {
    env: { ...process.env, TEMPORAL_ADDRESS: on.stack.temporal.address },
  });
  return stdout;
}

async function attributesOf(workflowId: string): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await temporal.workflow.getHandle(workflowId).describe();
  const names = new Set(['ModelTag', 'ModelId', 'Decision', 'Stage', 'Owner']);
  const pairs = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value] as const);
  return Object.fromEntries(pairs.filter(([name]) => names.has(name)));
}
