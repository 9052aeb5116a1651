import type { Statement } from '../../temporal/contracts/statement.js';
import type { ApproveCommand, BeginRolloutCommand } from '../../temporal/contracts/tag.js';
import { rulesOf } from '../policy/tag/logic.js';
import type { TagState } from '../policy/tag/state.js';
import { authority } from '../proxies.js';

type Decision = Extract<Statement['decision'], 'approve' | 'reject' | 'withdraw'>;

/** The command as the key that signed it makes it; where the worker lists no keys, as its claimed actor does. */
export async function identified<Command extends ApproveCommand>(
  { tag }: TagState,
  decision: Decision,
  command: Command,
): Promise<Command & { key: string | null }> {
  const { asked, subject, signed } = command;
  const statement: Statement = {
    decision,
    tag,
    from: subject.from,
    to: subject.version,
    digest: subject.digest,
    liveSeq: subject.liveSeq,
    workflowId: subject.rollout,
    actor: asked.actor,
    reason: asked.reason,
    override: null,
    expiresAt: signed?.expiresAt ?? null,
  };
  const { actor, key } = await authority.identifySigner({
    statement,
    signature: signed?.signature ?? null,
  });
  return { ...command, asked: { ...asked, actor }, key };
}

/** The rollout as the worker lets it begin: a person's promote by its signer, a gate's by what the registry says of it. */
export async function authorized<Command extends BeginRolloutCommand>(
  state: TagState,
  command: Command,
): Promise<Command> {
  if (!rulesOf(state).rolloutsAreAuthorized) return command;
  const autoPromote = state.definition?.definition.gate.autoPromote === true;
  const rollout = { tag: state.tag, autoPromote, command };
  const actor = await authority.authorizeRollout(rollout);
  const requesters = command.requesters?.map((name) =>
    name === command.asked.actor ? actor : name,
  );
  return {
    ...command,
    asked: { ...command.asked, actor },
    ...(requesters && { requesters }),
  };
}
