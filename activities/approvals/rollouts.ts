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
     * Who asks for a rollout: a person's promote is its signer's. One that claims to come of a gate is believed, where keys are
     * listed, only when the registry says the same, so that nobody gets past a signature by claiming one.
     */
    async authorizeRollout(asked: RolloutToAuthorize): Promise<string> {
      const { command } = asked;
      if (isPersons(command)) {
        const signature = command.signed?.signature ?? null;
        return (await approvers.identify(promoteStatement(asked), signature)).actor;
      }
      if (approvers.signaturesRequired()) {
        const model = await registry.resolve(asked.tag, command.model.version);
        if (!asked.autoPromote || !passed(model, command)) throw notOfAGate(asked);
      }
      return command.asked.actor;
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
