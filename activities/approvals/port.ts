import type { LedgerHead, Statement } from '../../temporal/contracts/statement.js';

/** Who made a statement. `verified`: a key that is listed for it signed, and `actor` is that key's name. */
export interface Identity {
  actor: string;
  verified: boolean;
  /** Fingerprint of the key as `ssh-keygen -l` shows it; null for a claimed name. */
  key: string | null;
}

/** Tells who made a statement. */
export interface Approvers {
  /**
   * Where keys are listed for the decision, the key that signed names the actor, whatever name is claimed; where none are,
   * the claimed name is the answer, unverified. Refused with ApprovalRefused: 'expired' when the statement's time is over,
   * 'unsigned' without the signature of a listed key. Break-glass is only ever by a key listed for it.
   */
  identify(statement: Statement, signature: string | null): Promise<Identity>;
  /** Whether keys are listed, so that an unsigned approve or promote is refused. */
  signaturesRequired(): boolean;
}

/** Signs the end of a ledger that is exported, so that it can be checked without the platform. */
export interface LedgerSigner {
  /** Base64 of the signature over `ledgerHeadBytes`; null when the platform has no key for it. */
  sign(head: LedgerHead): Promise<string | null>;
}
