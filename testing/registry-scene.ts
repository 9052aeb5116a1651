import type { OpenedRun, Projection, Registry } from '../activities/registry/port.js';
import type { TrainResult } from '../temporal/contracts/job.js';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../temporal/names.js';

/** An adapter and a tag that was never used in its store. */
export interface RegistryUnderTest {
  readonly registry: Registry;
  /** The same store as another worker sees it: nothing of `registry`'s memory. */
  readonly another: Registry;
  readonly tag: string;
  /** Publishes a model with this content as a training job does, and gives the job's result. */
  publishModel(run: OpenedRun, content: string): Promise<TrainResult>;
  /** Logs a value on a run, as a job or somebody's monitoring does. The value may be NaN or infinite. */
  logMetric(run: OpenedRun, point: LoggedPoint): Promise<void>;
  dispose(): Promise<void>;
}

export interface LoggedPoint {
  name: string;
  value: number;
  /** ISO. */
  at: string;
  step: number;
}

export async function open(
  { registry, tag }: RegistryUnderTest,
  key: string,
  startedAt = '2026-01-01T00:00:00Z',
): Promise<OpenedRun> {
  return await registry.openRun({
    key: `retrain/${tag}/${key}`,
    tag,
    kind: 'retrain',
    workflowId: 'retrain/contract',
    startedAt,
    params: { seed: 1 },
    tags: { [REGISTRY_TAGS.owner]: 'team' },
    artifacts: { [RUN_ARTIFACTS.definition]: { tag } },
  });
}

export async function registrationOf(
  scene: RegistryUnderTest,
  key: string,
  content: string,
  features = ['a'],
) {
  const run = await open(scene, key);
  const result = { ...(await scene.publishModel(run, content)), features };
  const tags = {
    [REGISTRY_TAGS.workflowId]: key,
    [REGISTRY_TAGS.task]: 'regression',
    [REGISTRY_TAGS.features]: JSON.stringify(features),
    [REGISTRY_TAGS.trainedOn]: JSON.stringify(result.trainedOn),
    [REGISTRY_TAGS.serving]: JSON.stringify(null),
  };
  return {
    key: `retrain/${scene.tag}/${key}/register`,
    tag: scene.tag,
    runId: run.runId,
    result,
    tags,
  };
}

export async function registerThree(scene: RegistryUnderTest): Promise<[number, number, number]> {
  const register = async (key: string): Promise<number> =>
    (await scene.registry.registerVersion(await registrationOf(scene, key, key))).version;
  return [await register('one'), await register('two'), await register('three')];
}

export function projection(tag: string, aliases: Projection['aliases']): Projection {
  return {
    tag,
    owner: 'team',
    tier: 'standard',
    description: 'Predicts.',
    definition: null,
    definitionDigest: null,
    aliases,
    statuses: {},
  };
}
