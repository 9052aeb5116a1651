import { setHandler } from '@temporalio/workflow';
import * as messages from '../../temporal/messages.js';
import { tagsAfter } from '../policy/platform/directory.js';
import { frozenAt } from '../policy/platform/freeze.js';
import { pageOf } from '../policy/ledger.js';
import { now } from '../tag/entity.js';
import type { Parked } from '../tag/lanes/outbox.js';
import type { Platform } from './entity.js';

export function answerQueries(platform: Platform, parked: Parked): void {
  setHandler(messages.platformStatus, () => {
    const { tags, pending, seq, head, journaled } = platform.state;
    return {
      tags: Object.keys(tags).length,
      frozen: frozenAt(platform.state, now()),
      pending,
      ...{ seq, head },
      journal: { pending: seq - journaled, parked: parked.journal },
    };
  });
  setHandler(messages.platformTags, ({ after, limit }) => tagsAfter(platform.state, after, limit));
  setHandler(messages.platformLedger, ({ before, limit }) => pageOf(platform.state, before, limit));
}
