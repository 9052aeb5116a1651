import { GatePolicy } from '../temporal/contracts/gate.js';
import { ModelTag } from '../temporal/contracts/scalars.js';
import { SimulateArguments } from './arguments.js';
import { parseArguments } from './issues.js';
import { read } from './reads.js';
import type { Session } from './session.js';
import { definitionInForce } from './tag-entity.js';
import type { SimulationReport } from './types.js';

export async function simulate(
  session: Session,
  givenTag: string,
  givenPolicy: GatePolicy | undefined,
  givenOptions: { since?: Date },
): Promise<SimulationReport> {
  const { tag, policy, options } = parseArguments(
    'simulate',
    { tag: ModelTag, policy: GatePolicy.optional(), options: SimulateArguments },
    { tag: givenTag, policy: givenPolicy, options: givenOptions },
  );
  await definitionInForce(session, tag);
  const { decisions, changed } = await read(session, {
    what: 'simulate',
    tag,
    ...(policy && { policy }),
    ...(options.since && { since: options.since.toISOString() }),
  });
  return {
    decisions: decisions.map((decision) => ({ ...decision, at: new Date(decision.at) })),
    changed,
  };
}
