import type { RegisteredModel } from '../../temporal/contracts/model.js';
import type { Statement } from '../../temporal/contracts/statement.js';
import type { BeginRolloutCommand } from '../../temporal/contracts/tag.js';
import { failure } from '../../temporal/errors.js';
import { modelId } from '../../temporal/ids.js';
import type { Registry } from '../registry/port.js';
import type { Approvers } from './port.js';

export interface RolloutToAuthorize {
  tag: string;
  /** Whether the definition in force lets a passed gate promote on its own. */
  autoPromote: boolean;
  command: BeginRolloutCommand;
}

export function createRolloutAuthority({
  approvers,
  registry,
}: {
  approvers: Approvers;
  registry: Registry;
}) {
  return {
    /**
     * Who asks for a rollout: a person's promote is its signer's. `confirm`: it claims to come of a gate, and where keys are
     * listed that is believed only when the registry says the same.
     */
    async authorizeRollout(
      asked: RolloutToAuthorize,
    ): Promise<{ actor: string; confirm: boolean }> {
      const { command } = asked;
      if (!isPersons(command))
        return { actor: command.asked.actor, confirm: approvers.signaturesRequired() };
      const signature = command.signed?.signature ?? null;
      const { actor } = await approvers.identify(promoteStatement(asked), signature);
      return { actor, confirm: false };
    },

    /** Refuses a rollout whose gate the registry does not know of, so that nobody gets past a signature by claiming one. */
    async confirmGate(asked: RolloutToAuthorize): Promise<void> {
      const model = await registry.resolve(asked.tag, asked.command.model.version);
      if (!asked.autoPromote || !passed(model, asked.command)) throw notOfAGate(asked);
    },
  };
}

const isPersons = ({ requested, warrant, breakGlass }: BeginRolloutCommand): boolean =>
  requested !== undefined || breakGlass === true || warrant.kind === 'override';

/** As the SDK signs it: what the caller said, and the content of the model it was said of. */
function promoteStatement({ tag, command }: RolloutToAuthorize): Statement {
  const { asked, model, warrant, expectedLive, breakGlass, signed } = command;
  return {
    decision: breakGlass ? 'break-glass' : 'promote',
    tag,
    from: expectedLive ?? null,
    to: model.version,
    digest: model.digest,
    liveSeq: null,
    workflowId: asked.workflowId,
    actor: asked.actor,
    reason: asked.reason,
    override: warrant.kind === 'override' ? warrant.why : null,
    expiresAt: signed?.expiresAt ?? null,
  };
}

function passed({ gate, digest }: RegisteredModel, command: BeginRolloutCommand): boolean {
  const { model, expectedLive, judgedUnder } = command;
  return (
    gate?.verdict === 'passed' &&
    gate.incumbent === expectedLive &&
    gate.judgedUnder === judgedUnder &&
    digest === model.digest
  );
}

const notOfAGate = ({ tag, command }: RolloutToAuthorize): Error =>
  failure(
    'ApprovalRefused',
    `expected ${modelId(tag, command.model.version)} to have passed the gate it names against the live model, or a signed promote; the registry knows of neither`,
    { details: { reason: 'unsigned' } },
  );
