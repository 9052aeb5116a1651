import { expect } from 'vitest';
import type { ModelDefinition } from '../../../../temporal/contracts/definition.js';
import type { LedgerEntry } from '../../../../temporal/contracts/ledger.js';
import type { ModelRecord } from '../../../../temporal/contracts/model.js';
import type { RolloutGrant } from '../../../../temporal/contracts/tag.js';
import { digestOf, sha256Hex } from '../../../../temporal/digest.js';
import { emptyTag, type Refusal, type TagState } from '../../../../workflows/policy/tag/state.js';
import { transition, type Command } from '../../../../workflows/policy/tag/transition.js';

export const definition: ModelDefinition = {
  tag: 'flight-delay',
  owner: { team: 'ops', contact: 'ops@example.com' },
  training: {
    task: 'binary-classification',
    code: {
      kind: 'python',
      directory: '.',
      entry: 'train.py:train',
      digest: `sha256:${'c'.repeat(64)}`,
    },
    data: { kind: 'parquet', uri: 'file:///flights.parquet', timeColumn: 'at' },
    features: ['a'],
    label: 'late',
    holdout: { kind: 'last', duration: '7d' },
  },
  gate: { metrics: [{ name: 'auc', direction: 'higher', minImprovement: 0 }] },
};

export const model = (version: number): ModelRecord => ({
  version,
  digest: `sha256:${sha256Hex(String(version))}`,
  uri: `mlflow-artifacts:/1/models/m-${String(version)}/artifacts`,
  task: 'binary-classification',
  features: ['a'],
  trainedOn: null,
  serving: null,
  registryRunId: `run-${String(version)}`,
});

let asks = 0;
export const asked = (workflowId = 'caller', actor = 'ada') => {
  asks += 1;
  return {
    actor,
    reason: 'a reason',
    workflowId,
    key: `key-${String(asks)}`,
    hash: `hash-${String(asks)}`,
  };
};

/** A tag driven by commands, one minute apart; an intent is settled as applied unless told otherwise. */
export class Driven {
  state: TagState;
  private minute = 0;

  constructor(over: Partial<ModelDefinition> = {}) {
    this.state = emptyTag('flight-delay');
    this.define({ ...definition, ...over });
  }

  get at(): string {
    return new Date(Date.UTC(2026, 0, 1) + this.minute * 60_000).toISOString();
  }

  define(of: ModelDefinition): void {
    this.do({
      type: 'define',
      asked: asked(),
      definition: of,
      digest: digestOf(of),
      codeUri: 'mlflow-artifacts:/code',
      codeRevision: 'abc',
    });
  }

  try(command: Command): Refusal | null {
    this.minute += 1;
    const outcome = transition(this.state, command, this.at);
    if (outcome.refused) return outcome.refused;
    this.state = outcome.state;
    return null;
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what its command answers
  do<Result>(command: Command): Result {
    this.minute += 1;
    const outcome = transition(this.state, command, this.at);
    expect(outcome.refused).toBeUndefined();
    if (outcome.refused) throw new Error(outcome.refused.message);
    this.state = outcome.state;
    return outcome.result as Result;
  }

  settle(outcome: 'applied' | 'failed' = 'applied'): LedgerEntry | null {
    return this.do({ type: 'settle', fence: this.state.intent?.fence ?? -1, outcome });
  }

  begin(
    version: number,
    over: Partial<Extract<Command, { type: 'beginRollout' }>> = {},
  ): RolloutGrant {
    return this.do(beginning(version, over));
  }

  lease(): string {
    return this.state.lease?.id ?? 'none';
  }

  promote(version: number): LedgerEntry | null {
    this.begin(version);
    this.do({
      type: 'commitRollout',
      asked: asked(`rollout-${String(version)}`),
      lease: this.lease(),
      step: 1,
    });
    return this.settle();
  }

  rollback(over: Partial<Extract<Command, { type: 'rollback' }>> = {}): LedgerEntry | null {
    const at = this.do<LedgerEntry | null>({ type: 'rollback', asked: asked(), ...over });
    return at ?? this.settle();
  }

  actions(): string[] {
    return this.state.tail.map(({ action, outcome }) =>
      outcome === 'applied' ? action : `${action} ${outcome}`,
    );
  }
}

export const beginning = (
  version: number,
  over: Partial<Extract<Command, { type: 'beginRollout' }>> = {},
): Extract<Command, { type: 'beginRollout' }> => ({
  type: 'beginRollout',
  asked: asked(`rollout-${String(version)}`),
  model: model(version),
  warrant: { kind: 'gate', registryRunId: `run-${String(version)}` },
  ...over,
});
