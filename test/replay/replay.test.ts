import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../temporal/names.js';
import { LOGIC } from '../../workflows/policy/tag/logic.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));

interface Recording {
  workflowId: string;
  history: {
    events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
  };
}

const files = (await readdir(HERE, { recursive: true })).filter((name) => name.endsWith('.json'));
/** The histories of the `transition` in force; those of the one before are kept beside them. */
const NEWEST = `logic-${String(LOGIC)}`;
const newest = files.filter((name) => name.startsWith(`${NEWEST}/`));
const recorded = async (file: string): Promise<Recording> =>
  JSON.parse(await readFile(join(HERE, file), 'utf8')) as Recording;

/** What they read is read by local activities, which leave no event of their own name, or by none. */
const WITHOUT_ACTIVITIES: string[] = [WORKFLOWS.read, WORKFLOWS.pool];

let workflowBundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  const logger = new DefaultLogger('ERROR');
  // A mutant's refusal is what is expected; its warning would bury a real one.
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger, telemetryOptions: { logging: { filter } } });
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
}, 120_000);

async function replayed({ workflowId, history }: Recording): Promise<Error | undefined> {
  const one = [{ workflowId, history: historyFromJSON(history) }];
  for await (const { error } of Worker.runReplayHistories({ workflowBundle }, one)) return error;
  throw new Error('expected the replay to give a result');
}

describe('F32 the workflows of today go on with the recorded run', () => {
  it.each(files)('%s', async (file) => {
    expect(await replayed(await recorded(file))).toBeUndefined();
  });
});

describe('F32 the recordings', () => {
  it('are of every workflow type', () => {
    const types = new Set(newest.map((file) => file.split('/')[1]));
    expect([...types].sort()).toEqual(Object.values(WORKFLOWS).sort());
  });

  it('tell nothing of the machine that made them', async () => {
    for (const file of files) {
      const text = JSON.stringify(await recorded(file));
      const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data]) =>
        Buffer.from(data ?? '', 'base64').toString(),
      );
      const said = [text, ...payloads].join('\n');
      const machine = said.match(/\/(tmp|work|root|Users|home\/(?!somebody))\/.{0,40}/);
      expect(machine, file).toBeNull();
    }
  });

  it.each(Object.values(WORKFLOWS).filter((type) => !WITHOUT_ACTIVITIES.includes(type)))(
    'of %s catch a change: with one activity renamed, the replay is refused',
    async (type) => {
      const file = newest.find((name) => name.startsWith(`${NEWEST}/${type}/`)) ?? '';
      const mutant = await recorded(file);
      const scheduled = mutant.history.events.find(
        (event) => event.activityTaskScheduledEventAttributes,
      )?.activityTaskScheduledEventAttributes;
      if (!scheduled) throw new Error(`expected ${file} to have an activity`);
      scheduled.activityType.name = `${scheduled.activityType.name}Renamed`;
      expect(await replayed(mutant)).toBeInstanceOf(DeterminismViolationError);
    },
  );
});
