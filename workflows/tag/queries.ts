import { setHandler } from '@temporalio/workflow';
import type { Admission } from '../../temporal/contracts/runs.js';
import * as messages from '../../temporal/messages.js';
import { pageOf } from '../policy/ledger.js';
import { approvalView } from '../policy/tag/approval.js';
import { objection } from '../policy/tag/rollout.js';
import { meantRoute } from '../policy/tag/route.js';
import { shadowObjection } from '../policy/tag/shadow.js';
import { triggeredBy } from '../policy/tag/triggers.js';
import { viewOf } from '../policy/tag/view.js';
import type { TagState } from '../policy/tag/state.js';
import { now, type Entity } from './entity.js';
import { pendingOf, type Parked } from './lanes/outbox.js';

export function answerQueries(entity: Entity, parked: Parked): void {
  setHandler(messages.tagStatus, () =>
    viewOf(entity.state, {
      pending: pendingOf(entity),
      parked: parked.journal ?? parked.projection,
      at: now(),
    }),
  );
  setHandler(messages.definition, () => (entity.state.retired ? null : entity.state.definition));
  setHandler(messages.admission, () => admission(entity.state));
  setHandler(messages.ledger, ({ before, limit }) => pageOf(entity.state, before, limit));
  setHandler(messages.rolloutObjection, (command) => objection(entity.state, command, now()));
  setHandler(messages.shadowObjection, (wanted) => shadowObjection(entity.state, wanted, now()));
  setHandler(messages.meantRoute, () => meantRoute(entity.state));
  setHandler(messages.approval, () => approvalView(entity.state));
  setHandler(messages.triggeredBy, (slot) => triggeredBy(entity.state, slot));
}

function admission({ definition, retired, live, ...state }: TagState): Admission | null {
  if (definition === null || retired) return null;
  const { liveSince, models } = state;
  const { digest, ...defined } = definition;
  return {
    ...defined,
    definitionDigest: digest,
    live: live === null ? null : (models[String(live)] ?? null),
    liveSince,
  };
}
