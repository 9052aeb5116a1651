import { setHandler } from '@temporalio/workflow';
import type { Admission } from '../../temporal/contracts/runs.js';
import type { LedgerPage } from '../../temporal/contracts/tag.js';
import * as messages from '../../temporal/messages.js';
import { objection } from '../policy/tag/rollout.js';
import { viewOf } from '../policy/tag/view.js';
import type { TagState } from '../policy/tag/state.js';
import type { Entity } from './entity.js';
import { pendingOf, type Parked } from './lanes/outbox.js';

export function answerQueries(entity: Entity, parked: Parked): void {
  setHandler(messages.tagStatus, () =>
    viewOf(entity.state, {
      pending: pendingOf(entity),
      parked: parked.journal ?? parked.projection,
    }),
  );
  setHandler(messages.definition, () => entity.state.definition);
  setHandler(messages.admission, () => admission(entity.state));
  setHandler(messages.ledger, ({ before, limit }) => page(entity.state, before, limit));
  setHandler(messages.rolloutObjection, (command) => objection(entity.state, command));
}

function admission({ definition, live, liveSince, models }: TagState): Admission | null {
  if (definition === null) return null;
  const { digest, ...defined } = definition;
  return {
    ...defined,
    definitionDigest: digest,
    live: live === null ? null : (models[String(live)] ?? null),
    liveSince,
  };
}

function page({ tail, seq }: TagState, before: number | undefined, limit: number): LedgerPage {
  const entries = tail
    .filter((entry) => before === undefined || entry.seq < before)
    .slice(-limit)
    .reverse();
  return { entries, oldestHeld: tail[0]?.seq ?? seq + 1 };
}
