import type { ModelDefinition } from 'modelyard';
import { CUTOFF, definitionOf, newTag, type Connected } from './platform.js';

/** A new tag with `count` registered models of one recipe, each judged better than nothing and none of them live. */
export async function untouchedModels(
  { platform }: Connected,
  about: string,
  count: number,
  over: Partial<ModelDefinition> = {},
): Promise<string> {
  const tag = newTag(about);
  const { gate } = definitionOf(tag);
  await platform.models.apply(
    definitionOf(tag, { gate: { ...gate, autoPromote: false }, ...over }),
  );
  const runs = await Promise.all(
    Array.from({ length: count }, (_, nth) =>
      platform.retrain(tag, { asOf: CUTOFF, params: { nth } }),
    ),
  );
  await Promise.all(runs.map((run) => run.result()));
  return tag;
}

/** Makes a version live, whatever its gate said. */
export async function putLive(
  { platform }: Connected,
  tag: string,
  version: number,
): Promise<Date> {
  const rollout = await platform.promote(tag, version, {
    reason: `version ${String(version)} is next`,
    override: 'a test',
  });
  return (await rollout.committed()).at;
}
