import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { RolloutRequest } from '../temporal/contracts/runs.js';
import { modelId } from '../temporal/ids.js';
import { REGISTRY_TAGS } from '../temporal/names.js';

type PassedGate = NonNullable<RolloutRequest['retrain']>;

/** How a registered model earns its place: by a gate it passed against what is live now, or else by a named override. */
export type Warrant =
  | { kind: 'gate'; gate: PassedGate }
  | { kind: 'override'; why: string }
  | { kind: 'none'; because: string };

/** Whether the gate still holds under the definition in force is the tag's to say: it refuses with DefinitionChanged. */
export function warrantOf(
  model: RegisteredModel,
  live: number | null,
  override: string | undefined,
): Warrant {
  const { gate } = model;
  if (gate === null) return withoutGate('no gate has judged it', override);
  if (gate.verdict !== 'passed')
    return withoutGate(`its gate's verdict is '${gate.verdict}'`, override);
  if (gate.incumbent !== live) {
    const because = `its gate compared it with ${name(model.tag, gate.incumbent)} and ${name(model.tag, live)} is live now`;
    return withoutGate(because, override);
  }
  return {
    kind: 'gate',
    gate: {
      workflowId: model.tags[REGISTRY_TAGS.workflowId] ?? '',
      incumbent: gate.incumbent,
      judgedUnder: gate.judgedUnder,
      registryRunId: model.registryRunId,
    },
  };
}

export function withoutGate(because: string, override: string | undefined): Warrant {
  return override === undefined ? { kind: 'none', because } : { kind: 'override', why: override };
}

function name(tag: string, version: number | null): string {
  return version === null ? 'no model' : modelId(tag, version);
}
