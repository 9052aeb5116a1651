import assert from 'node:assert/strict';
import { open, projection, registerThree, type RegistryUnderTest } from './registry-scene.js';

/** What every registry shows of what was written: the sweeps compare by it. */
export const observedCases = {
  'shows the aliases and statuses that were projected, of one tag and of all (F11, I4)': async (
    scene: RegistryUnderTest,
  ) => {
    const [one, two, three] = await registerThree(scene);
    const wanted = { champion: two, previous: one, challenger: three };
    const statuses = { [String(one)]: 'previous', [String(two)]: 'champion' };
    await scene.registry.project({ ...projection(scene.tag, wanted), statuses });
    const { another, tag } = scene;
    assert.deepEqual(await another.aliases(tag), wanted);
    assert.deepEqual(await another.statuses(tag), { ...statuses, [String(three)]: '' });
    const all = await another.allAliases();
    assert.deepEqual(
      all.filter((aliases) => aliases.tag === tag),
      [{ tag, ...wanted }],
    );
  },

  'shows no alias of a tag it does not know, nor of one without any': async ({
    registry,
    tag,
  }: RegistryUnderTest) => {
    const none = { champion: null, previous: null, challenger: null };
    assert.deepEqual(await registry.aliases(tag), none);
    assert.deepEqual(await registry.statuses(tag), {});
    await registry.ensureModel(tag);
    assert.deepEqual(await registry.aliases(tag), none);
  },

  'lists the runs that were opened before an instant and not closed (F33)': async (
    scene: RegistryUnderTest,
  ) => {
    const { registry, another, tag } = scene;
    const [early, late, closed] = [
      await open(scene, 'early', '2026-01-01T00:00:00Z'),
      await open(scene, 'late', '2026-01-03T00:00:00Z'),
      await open(scene, 'closed', '2026-01-01T00:00:00Z'),
    ];
    await registry.closeRun(closed.runId, { status: 'KILLED', at: '2026-01-01T01:00:00Z' });
    const openBefore = async (instant: string) =>
      (await another.openRuns(instant)).filter((run) => run.tag === tag);
    const workflowId = 'retrain/contract';
    const first = { runId: early.runId, tag, workflowId, startedAt: '2026-01-01T00:00:00.000Z' };
    const second = { runId: late.runId, tag, workflowId, startedAt: '2026-01-03T00:00:00.000Z' };
    assert.deepEqual(await openBefore('2026-01-02T00:00:00Z'), [first]);
    assert.deepEqual(await openBefore('2026-01-04T00:00:00Z'), [first, second]);
  },
};
