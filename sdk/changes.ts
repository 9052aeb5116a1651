import { ModelTag, Version } from '../temporal/contracts/scalars.js';
import * as messages from '../temporal/messages.js';
import { ChangeArguments, DemoteArguments, RollbackArguments } from './arguments.js';
import { parseArguments } from './issues.js';
import { toLedgerEntry } from './records.js';
import type { Session } from './session.js';
import { asked, commandTag } from './tag-entity.js';
import type { ChangeOptions, DemoteOptions, LedgerEntry, RollbackOptions } from './types.js';

// The verbs that are one command to the tag and answer with the ledger's entry.

export async function rollback(
  session: Session,
  givenTag: string,
  givenOptions: RollbackOptions,
): Promise<LedgerEntry> {
  const { tag, options } = parseArguments(
    'rollback',
    { tag: ModelTag, options: RollbackArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { reason, idempotencyKey, from } = options;
  const to = options.to instanceof Date ? { at: options.to.toISOString() } : options.to;
  const target = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  const request = {
    method: 'rollback',
    tag,
    fields: { ...target, reason },
    reason,
    idempotencyKey,
  };
  const value = { asked: asked(session, request), ...target };
  return toLedgerEntry(await commandTag(session, tag, { definition: messages.rollback, value }));
}

export async function demote(
  session: Session,
  givenTag: string,
  givenOptions: DemoteOptions,
): Promise<LedgerEntry> {
  const { tag, options } = parseArguments(
    'demote',
    { tag: ModelTag, options: DemoteArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { reason, idempotencyKey, to } = options;
  const target = to === undefined ? {} : { to };
  const request = { method: 'demote', tag, fields: { ...target, reason }, reason, idempotencyKey };
  const value = { asked: asked(session, request), ...target };
  return toLedgerEntry(await commandTag(session, tag, { definition: messages.demote, value }));
}

/** Ends the tag's service; versions and ledger stay, and the next applied definition revives it. */
export async function retire(
  session: Session,
  givenTag: string,
  givenOptions: ChangeOptions,
): Promise<LedgerEntry> {
  const { tag, options } = parseArguments(
    'retire',
    { tag: ModelTag, options: ChangeArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { reason, idempotencyKey } = options;
  const request = { method: 'retire', tag, fields: { reason }, reason, idempotencyKey };
  const value = { asked: asked(session, request) };
  return toLedgerEntry(await commandTag(session, tag, { definition: messages.retire, value }));
}

/** Keeps a version from being promoted (`quarantine`) or lets it be promoted again (`release`). */
export async function setQuarantine(
  session: Session,
  method: 'quarantine' | 'release',
  change: { tag: string; version: number; options: ChangeOptions },
): Promise<LedgerEntry> {
  const { tag, version, options } = parseArguments(
    method,
    { tag: ModelTag, version: Version, options: ChangeArguments },
    change,
  );
  const { reason, idempotencyKey } = options;
  const request = { method, tag, fields: { version, reason }, reason, idempotencyKey };
  const value = { asked: asked(session, request), version };
  return toLedgerEntry(await commandTag(session, tag, { definition: messages[method], value }));
}
