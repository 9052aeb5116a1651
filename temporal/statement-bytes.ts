import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { LedgerHead, Statement } from './contracts/statement.js';
import { canonicalJson } from './digest.js';

// The first line keeps a signature to its purpose: no other document, and no later form of this one, has the same bytes.
const STATEMENT = 'modelyard statement v1\n';
const LEDGER_HEAD = 'modelyard ledger head v1\n';

/** What an approver's key signs: a first line, then the statement's canonical JSON (RFC 8785), in UTF-8. */
export function statementBytes(statement: Statement): Uint8Array {
  return signable(STATEMENT, statement);
}

/** What the platform's key signs of an exported ledger. Takes the head's four fields; others are left out. */
export function ledgerHeadBytes({ tag, seq, hash, at }: LedgerHead): Uint8Array {
  return signable(LEDGER_HEAD, { tag, seq, hash, at });
}

function signable(firstLine: string, content: object): Uint8Array {
  return utf8ToBytes(`${firstLine}${canonicalJson(content)}`);
}
