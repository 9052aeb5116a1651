import { EVERY_TAG } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { ChangeArguments, FreezeArguments, tagOrEvery } from './arguments.js';
import { parseArguments } from './issues.js';
import { commandPlatform } from './platform-entity.js';
import { toLedgerEntry } from './records.js';
import type { Session } from './session.js';
import { asked, commandTag } from './tag-entity.js';
import type { ChangeOptions, FreezeOptions, LedgerEntry } from './types.js';

/** Stops promotions of a tag, or of all; rollback and demote go on. */
export async function freeze(
  session: Session,
  givenTag: string,
  givenOptions: FreezeOptions,
): Promise<LedgerEntry> {
  const { tag, options } = parseArguments(
    'freeze',
    { tag: tagOrEvery(givenTag), options: FreezeArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { reason, idempotencyKey } = options;
  const end = options.until && { until: options.until.toISOString() };
  const request = { method: 'freeze', tag, fields: { ...end, reason }, reason, idempotencyKey };
  const value = { asked: asked(session, request), ...end };
  return toLedgerEntry(
    tag === EVERY_TAG
      ? await commandPlatform(session, messages.freezeAll, value)
      : await commandTag(session, tag, { definition: messages.freeze, value }),
  );
}

export async function unfreeze(
  session: Session,
  givenTag: string,
  givenOptions: ChangeOptions,
): Promise<LedgerEntry> {
  const { tag, options } = parseArguments(
    'unfreeze',
    { tag: tagOrEvery(givenTag), options: ChangeArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { reason, idempotencyKey } = options;
  const request = { method: 'unfreeze', tag, fields: { reason }, reason, idempotencyKey };
  const value = { asked: asked(session, request) };
  return toLedgerEntry(
    tag === EVERY_TAG
      ? await commandPlatform(session, messages.unfreezeAll, value)
      : await commandTag(session, tag, { definition: messages.unfreeze, value }),
  );
}
