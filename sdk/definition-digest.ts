import type { ModelDefinition } from '../temporal/contracts/definition.js';
import { digestOf } from '../temporal/digest.js';

/** The definition as its digest covers it: the code by its content, never by where it lay on somebody's disk. */
export function withoutPlace(definition: ModelDefinition): Record<string, unknown> {
  const { code } = definition.training;
  if (code.kind !== 'python') return definition;
  const { directory: _, ...rest } = code;
  return { ...definition, training: { ...definition.training, code: rest } };
}

/** Defaults are not resolved, so a later release with other defaults does not change what was declared. */
export function definitionDigest(definition: ModelDefinition): string {
  return digestOf(withoutPlace(definition));
}
