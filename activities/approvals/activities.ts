import { Statement, type LedgerHead } from '../../temporal/contracts/statement.js';
import { failure } from '../../temporal/errors.js';
import type { Registry } from '../registry/port.js';
import type { Approvers, Identity, LedgerSigner } from './port.js';
import { createRolloutAuthority } from './rollouts.js';

export interface SignedStatement {
  statement: Statement;
  /** Base64; null when nobody signed. */
  signature: string | null;
}

export function createApprovalActivities(ports: {
  approvers: Approvers;
  ledgerSigner: LedgerSigner;
  registry: Registry;
}) {
  return {
    ...createRolloutAuthority(ports),
    /** Who made the statement. It is parsed first, because other clients send updates past the SDK. */
    async identifySigner({ statement, signature }: SignedStatement): Promise<Identity> {
      checkStatement(statement);
      return ports.approvers.identify(statement, signature);
    },
    signaturesRequired: (): Promise<boolean> =>
      Promise.resolve(ports.approvers.signaturesRequired()),
    signLedgerHead: (head: LedgerHead): Promise<string | null> => ports.ledgerSigner.sign(head),
  };
}
export type ApprovalActivities = ReturnType<typeof createApprovalActivities>;

function checkStatement(statement: Statement): void {
  const parsed = Statement.safeParse(statement);
  if (parsed.success) return;
  const issues = parsed.error.issues.map(({ path, message }) => ({
    path: path.join('.'),
    message,
  }));
  const said = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw failure('InvalidRequest', `the statement is not valid: ${said}`, { details: { issues } });
}
