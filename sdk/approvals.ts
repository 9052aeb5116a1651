import type { UpdateDefinition } from '@temporalio/common';
import type { ApprovalSubject, ApprovalView } from '../temporal/contracts/approval.js';
import type { RolloutResult } from '../temporal/contracts/runs.js';
import type { ApproveCommand } from '../temporal/contracts/tag.js';
import { parseModelId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { ApproveArguments, CommentArguments } from './arguments.js';
import { ApprovalRefusedError } from './errors.js';
import { parseArguments } from './issues.js';
import { latestMoves } from './ledger.js';
import { isOpen, tagOf } from './run-status.js';
import { awaitRun, describeRun, viewRun } from './run-watch.js';
import type { Session } from './session.js';
import { signed } from './statements.js';
import { asked, commandTag, queryTag } from './tag-entity.js';
import type { ApproveOptions, CommentOptions } from './types.js';

/** Time for the tag to take it; a statement that was caught on its way is worth nothing later. */
const COUNTS_FOR_MS = 15 * 60_000;

type Decision = 'approve' | 'reject' | 'withdraw';
const COMMANDS: Record<Decision, UpdateDefinition<unknown, [ApproveCommand]>> = {
  approve: messages.approve,
  reject: messages.reject,
  withdraw: messages.withdraw,
};

export async function approve(
  session: Session,
  rollout: string,
  given: ApproveOptions = {},
): Promise<void> {
  const { options } = parseArguments('approve', { options: ApproveArguments }, { options: given });
  const subject = await waitingSubject(session, rollout);
  await say(session, { decision: 'approve', subject, reason: options.comment ?? 'approved' });
}

export async function reject(
  session: Session,
  rollout: string,
  given: CommentOptions,
): Promise<void> {
  const { options } = parseArguments('reject', { options: CommentArguments }, { options: given });
  const subject = await waitingSubject(session, rollout);
  await say(session, { decision: 'reject', subject, reason: options.comment });
}

/** Also of an approval whose model is live: that one is rolled back. */
export async function withdraw(
  session: Session,
  rollout: string,
  given: CommentOptions,
): Promise<void> {
  const { options } = parseArguments('withdraw', { options: CommentArguments }, { options: given });
  const view = await inFlight(session, rollout);
  const subject =
    view?.subject.rollout === rollout ? view.subject : await liveSubject(session, rollout);
  await say(session, { decision: 'withdraw', subject, reason: options.comment });
}

/** The rollout that a retrain handed its candidate to; a retrain that has none yet, or never will, waits for nobody. */
export async function rolloutOf(session: Session, retrain: string): Promise<string> {
  const view = await viewRun(session, retrain);
  if (view.rolloutWorkflowId !== null) return view.rolloutWorkflowId;
  throw new ApprovalRefusedError(
    `expected a rollout that ${retrain} started, and it has started none: ${await doing(session, retrain)}`,
    'not-waiting',
  );
}

async function say(
  session: Session,
  { decision, subject, reason }: { decision: Decision; subject: ApprovalSubject; reason: string },
): Promise<void> {
  const tag = tagOf(subject.rollout);
  const { rollout, version, digest, from, liveSeq } = subject;
  const statement = {
    ...{ decision, tag, from, to: version, digest, liveSeq },
    ...{ workflowId: rollout, reason, override: null },
  };
  const value = {
    asked: asked(session, { method: decision, tag, fields: { subject, reason }, reason }),
    subject,
    ...(await signed(session, statement, COUNTS_FOR_MS)),
  };
  await commandTag(session, tag, { definition: COMMANDS[decision], value });
}

const inFlight = (session: Session, rollout: string): Promise<ApprovalView | null> =>
  queryTag(session, tagOf(rollout), { definition: messages.approval, args: [] });

async function waitingSubject(session: Session, rollout: string): Promise<ApprovalSubject> {
  const view = await inFlight(session, rollout);
  if (view?.subject.rollout === rollout) return view.subject;
  const does = await doing(session, rollout);
  if (view === null)
    throw new ApprovalRefusedError(
      `expected ${rollout} to wait for an approval, and it does not: ${does}`,
      'not-waiting',
    );
  throw new ApprovalRefusedError(
    `expected ${rollout} to be the candidate that may be approved; ${view.modelId} by ${view.subject.rollout} is, and of ${rollout}: ${does}`,
    'other-candidate',
  );
}

/** As it was approved, told by the ledger: the run may have ended long ago. */
async function liveSubject(session: Session, rollout: string): Promise<ApprovalSubject> {
  const tag = tagOf(rollout);
  const [made, before] = await latestMoves(session, tag, 2);
  if (made?.action !== 'promote' || made.workflowId !== rollout || made.to === null)
    throw new ApprovalRefusedError(
      `expected ${rollout} to be in flight, or to have made the live model of ${tag}: ${await doing(session, rollout)}`,
      'not-waiting',
    );
  return {
    rollout,
    version: parseModelId(made.to).version,
    digest: made.digest ?? '',
    from: made.from === null ? null : parseModelId(made.from).version,
    liveSeq: before?.seq ?? null,
  };
}

/** What a run does instead of what was expected of it. */
async function doing(session: Session, workflowId: string): Promise<string> {
  const execution = await describeRun(session, workflowId);
  if (isOpen(execution)) {
    const { stage, waitingFor } = await viewRun(session, workflowId);
    const waits = waitingFor && ` and waits for: ${waitingFor.what}`;
    return `it is at stage ${stage}${waits ?? ''}`;
  }
  if (execution.status.name !== 'COMPLETED') return `it is ${execution.status.name.toLowerCase()}`;
  const ended = await awaitRun<Partial<RolloutResult & { decision: string }>>(session, workflowId);
  return `it ended '${ended.outcome ?? ended.decision ?? ''}': ${ended.reason ?? ''}`;
}
