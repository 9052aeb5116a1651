import type { Signed } from '../temporal/contracts/approval.js';
import type { Statement } from '../temporal/contracts/statement.js';
import { statementBytes } from '../temporal/statement-bytes.js';
import type { Session } from './session.js';
import { sign } from './signer.js';

/** What a verb says; who says it and until when it counts is added here. */
type Said = Omit<Statement, 'actor' | 'expiresAt'>;

/**
 * The signature over what the tag's workflow rebuilds from the command, so every field is one that the command carries. Nothing
 * without a signer.
 */
export async function signed(
  { options }: Session,
  said: Said,
  countsForMs: number,
): Promise<{ signed?: Signed }> {
  const expiresAt = new Date(Date.now() + countsForMs).toISOString();
  const statement = { ...said, actor: options.actor, expiresAt };
  const signature = await sign(options.signer, statementBytes(statement));
  return signature === null ? {} : { signed: { signature, expiresAt } };
}
