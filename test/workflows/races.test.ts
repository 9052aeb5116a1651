import { randomInt } from 'node:crypto';
import { Worker, type InjectedSinks } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyChain } from '../../sdk/ledger-chain.js';
import { seededRandom } from '../stack/support/random.js';
import type { ActivationSinks } from './support/activation-ends.js';
import { atRest } from './support/at-rest.js';
import { violations } from './support/linearizable.js';
import { Race } from './support/race.js';
import { TagOnServer } from './support/tag.js';
import { KeptWorker, type Place } from './support/worker-processes.js';
import { startWorldApart, type WorldApart } from './support/world-apart.js';
import { unique, type World } from './support/world.js';

const SEED = Number(process.env['MODELYARD_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = Number(process.env['MODELYARD_RACE_ROUNDS'] ?? 1);
const CLIENTS = 100;
/** Some pages of the tag's life end during a race. */
const COMMANDS_PER_PAGE = 60;
/** A worker that holds a task costs ten seconds when it dies. */
const ANSWERS_BETWEEN_DEATHS = 70;

let apart: WorldApart;
let world: World;
let place: Place;
beforeAll(async () => {
  apart = await startWorldApart();
  ({ world, place } = apart);
}, 600_000);
afterAll(() => apart[Symbol.asyncDispose]());

async function race(round: number, answered?: (count: number) => void): Promise<TagOnServer> {
  const tag = new TagOnServer(world, unique('raced'), COMMANDS_PER_PAGE);
  const clients = new Race(tag, seededRandom(SEED + round), answered);
  await clients.run(CLIENTS);
  const { seq, head, live } = await atRest(tag);
  const ledger = world.registry.journals.get(tag.tag) ?? [];
  const refused = clients.history.filter(({ told }) => 'refusal' in told).length;
  console.log(
    `MODELYARD_SEED=${String(SEED)}, round ${String(round)}: ${String(clients.history.length)} commands, ${String(refused)} refused, ${String(ledger.length)} entries`,
  );
  expect(violations(tag.tag, clients.history, ledger)).toEqual([]);
  expect(await unreadable(tag)).toEqual([]);
  expect(verifyChain(ledger, { seq, hash: head })).toEqual({ ok: true, checked: seq });
  expect(world.routing.at(tag.tag).route.live?.modelId ?? null).toBe(live);
  const fences = ledger.flatMap(({ fence }) => fence ?? []);
  expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
  const kinds = new Set(ledger.map(({ action, outcome }) => `${action} ${outcome}`));
  for (const action of ['promote', 'freeze', 'quarantine'])
    expect(kinds).toContain(`${action} applied`);
  expect(['rollback applied', 'abort applied'].filter((kind) => kinds.has(kind))).not.toEqual([]);
  return tag;
}

const UNHEARD: InjectedSinks<ActivationSinks> = {
  activations: { concluded: { fn: () => undefined } },
};

/** Which pages of the tag's life another worker could not go on with, because reading them anew comes to something else. */
async function unreadable(tag: TagOnServer): Promise<string[]> {
  const pages = world.client.workflow.list({ query: `WorkflowId = '${tag.workflowId}'` });
  const replays = Worker.runReplayHistories(
    { workflowBundle: { codePath: place.bundle }, sinks: UNHEARD },
    pages.intoHistories(),
  );
  const wrong: string[] = [];
  for await (const { runId, error } of replays) if (error) wrong.push(`${runId}: ${error.message}`);
  return wrong;
}

const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1);
const EVENTUALLY = { timeout: 600_000 };

describe('a hundred clients that promote, roll back, demote, freeze and quarantine at one tag', () => {
  it.each(rounds)('F24 F25 leave one linear history, round %i', EVENTUALLY, async (round) => {
    await using _worker = new KeptWorker(place);
    await race(round);
  });

  it.each(rounds)('F24 leave one with two workers, round %i', EVENTUALLY, async (round) => {
    await using _one = new KeptWorker(place);
    await using _other = new KeptWorker(place);
    await race(1_000 + round);
  });

  it.each(rounds)(
    'F24 F1 F2 leave one while their worker is killed again and again, round %i',
    EVENTUALLY,
    async (round) => {
      await using worker = new KeptWorker(place);
      await race(2_000 + round, (count) => {
        if (count % ANSWERS_BETWEEN_DEATHS === 0) worker.kill();
      });
      expect(worker.deaths.length).toBeGreaterThan(0);
      expect(new Set(worker.deaths)).toEqual(new Set(['SIGKILL']));
    },
  );
});

describe('rollouts that ask for their turn at once', () => {
  it('F1 F24 leave a history that any worker can go on with, five times over', async () => {
    await using _worker = new KeptWorker(place);
    for (let time = 0; time < 5; time += 1) {
      const tag = new TagOnServer(world, unique('at-once'));
      await tag.define({ whenBusy: 'reject' });
      const asked = await Promise.allSettled([1, 2, 3].map((version) => tag.begin(version)));
      expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await unreadable(tag)).toEqual([]);
    }
  });
});
