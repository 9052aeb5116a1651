import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { ApplyOutcome, DefineCommand } from '../../../temporal/contracts/tag.js';
import { digestOf } from '../../../temporal/digest.js';
import { append } from '../ledger.js';
import { draft, refuse, type Outcome, type TagState } from './state.js';

/** Takes a definition into force. The same digest again changes nothing and leaves no entry. */
export function define(state: TagState, command: DefineCommand, at: string): Outcome<ApplyOutcome> {
  const { asked, definition, digest, codeUri, codeRevision } = command;
  if (command.expected !== undefined && state.definition?.digest !== command.expected) {
    return refuse(
      'DefinitionChanged',
      `the definition of ${state.tag} was changed by somebody else since it was read`,
    );
  }
  if (state.definition?.digest === digest && !state.retired)
    return { state, result: { digest, changed: false } };
  const defined = {
    ...state,
    retired: null,
    definition: { definition, digest, codeUri, codeRevision, definedBy: asked.actor },
  };
  const entry = { ...draft('define', null, null, asked), evidence: [`definition ${digest}`] };
  return {
    state: append(defined, entry, { at, outcome: 'applied', fence: null }).state,
    result: { digest, changed: true },
  };
}

/** Digest of the parts a candidate is judged by: when they change, a judgement made before no longer counts. */
export function judgingDigest({ gate, shadow, rollout }: ModelDefinition): string {
  return digestOf({ gate, shadow: shadow ?? null, rollout: rollout ?? null });
}
