import { verify } from 'node:crypto';
import { Signature, type Statement } from '../../temporal/contracts/statement.js';
import { failure } from '../../temporal/errors.js';
import { statementBytes } from '../../temporal/statement-bytes.js';
import type { Approvers, Identity } from './port.js';
import type { KeyUse, ListedKey } from './roster.js';

/** More keys than a message has room for are counted. */
const KEYS_SHOWN = 8;

const HOW_TO_SIGN =
  'set the option signer of Platform.connect, or the environment variable MODELYARD_SIGNER_KEY_FILE or MODELYARD_SIGNER_SSH_AGENT';

/** Approvers by the keys that a worker's configuration lists. */
export function createApprovers(
  listed: readonly ListedKey[],
  now: () => Date = () => new Date(),
): Approvers {
  return {
    signaturesRequired: () => listed.some(({ use }) => use === 'keys'),
    identify: (statement, signature) =>
      Promise.resolve().then(() => {
        refuseExpired(statement, now());
        return identityOf(statement, signature, listed);
      }),
  };
}

function refuseExpired({ decision, expiresAt }: Statement, now: Date): void {
  if (expiresAt === null || new Date(expiresAt) > now) return;
  throw failure(
    'ApprovalRefused',
    `the ${decision} was to count until ${expiresAt}, and it is ${now.toISOString()}; look at the run and sign anew`,
    { details: { reason: 'expired' } },
  );
}

function identityOf(
  statement: Statement,
  signature: string | null,
  listed: readonly ListedKey[],
): Identity {
  const use: KeyUse = statement.decision === 'break-glass' ? 'breakGlassKeys' : 'keys';
  const accepted = listed.filter((key) => key.use === use);
  if (accepted.length === 0) return unlisted(statement);
  const expected = `expected the ${nameOf(statement)} to be signed by one of ${shown(accepted)}`;
  if (signature === null) throw unsigned(`${expected}, got no signature; ${HOW_TO_SIGN}`);
  if (!Signature.safeParse(signature).success)
    throw unsigned(`${expected}, got what is not 64 bytes as base64; ${HOW_TO_SIGN}`);
  const signer = signerOf(statement, signature, listed);
  if (signer?.use === use) return { actor: signer.name, verified: true, key: signer.fingerprint };
  throw unsigned(`${expected}, got ${whose(signer)}; ${HOW_TO_SIGN}`);
}

/** Nobody is known by a key for this decision: the claimed name is all there is, and not enough to break the glass. */
function unlisted(statement: Statement): Identity {
  if (statement.decision !== 'break-glass')
    return { actor: statement.actor, verified: false, key: null };
  throw unsigned(
    `expected the ${nameOf(statement)} to be signed by a key that is listed for it, and none is; list one as approvers.<name>.breakGlassKeys in the worker's configuration`,
  );
}

function signerOf(
  statement: Statement,
  signature: string,
  listed: readonly ListedKey[],
): ListedKey | undefined {
  const bytes = statementBytes(statement);
  const given = Buffer.from(signature, 'base64');
  return listed.find(({ key }) => verify(null, bytes, key, given));
}

function whose(signer: ListedKey | undefined): string {
  if (signer === undefined)
    return 'a signature by another key or over another statement than the one that counts here';
  return `the signature of ${signer.fingerprint}, which stands in ${signer.name}'s ${signer.use}`;
}

function shown(keys: readonly ListedKey[]): string {
  const first = keys.slice(0, KEYS_SHOWN).map(({ name, fingerprint }) => `${name} ${fingerprint}`);
  const more = keys.length - first.length;
  return more > 0 ? `${first.join(', ')} and ${String(more)} more` : first.join(', ');
}

const nameOf = ({ decision, tag, to }: Statement): string => `${decision} of ${tag}/${String(to)}`;

const unsigned = (message: string): Error =>
  failure('ApprovalRefused', message, { details: { reason: 'unsigned' } });
