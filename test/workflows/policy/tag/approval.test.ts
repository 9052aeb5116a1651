import { describe, expect, it } from 'vitest';
import type { ApprovalPolicy } from '../../../../temporal/contracts/gate.js';
import { approvalView } from '../../../../workflows/policy/tag/approval.js';
import { routeOf } from '../../../../workflows/policy/tag/route.js';
import { asked, beginning, definition, Driven } from './tags.js';

const gated = (approval: Partial<ApprovalPolicy> = {}) => ({
  gate: { ...definition.gate, approval: { required: 1, ...approval } },
});

const waiting = (approval: Partial<ApprovalPolicy> = {}): Driven => {
  const tag = new Driven(gated(approval));
  tag.begin(1, { asked: asked('rollout-1', 'ada'), requesters: ['ada', 'eve'] });
  return tag;
};

const subjectOf = (tag: Driven) => {
  const view = approvalView(tag.state);
  if (!view) throw new Error('expected a candidate that waits');
  return view.subject;
};
const says = (
  tag: Driven,
  who: string,
  over: Partial<ReturnType<typeof subjectOf>> = {},
  type: 'approve' | 'reject' = 'approve',
) => tag.try({ type, asked: asked('caller', who), subject: { ...subjectOf(tag), ...over } });
const commit = (tag: Driven) =>
  tag.try({ type: 'commitRollout', asked: asked('rollout-1'), lease: tag.lease(), step: 1 });

describe('I6 a candidate that needs approval', () => {
  it('is not committed before enough others have given theirs, and says who did', () => {
    const tag = waiting({ required: 2 });
    expect(says(tag, 'bob')).toBeNull();
    expect(commit(tag)).toMatchObject({
      type: 'ApprovalRefused',
      message: 'expected 2 approvals of flight-delay/1, got 1',
    });
    tag.do({ type: 'approve', asked: asked('c', 'cem'), subject: subjectOf(tag), key: 'SHA256:k' });
    expect(commit(tag)).toBeNull();
    expect(tag.settle()?.evidence).toEqual([
      'gate run-1',
      expect.stringMatching(/^approved by bob at .*, unsigned$/),
      expect.stringMatching(/^approved by cem at .*, SHA256:k$/),
    ]);
    expect(tag.state.liveApproved).toMatchObject({ rollout: 'rollout-1' });
  });

  it('takes no share of the traffic either', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.define({ ...definition, ...gated() });
    tag.begin(2);
    const shift = { asked: asked('rollout-2'), lease: tag.lease(), step: 1, weightPercent: 10 };
    expect(tag.try({ type: 'shiftTraffic', ...shift })).toMatchObject({ type: 'ApprovalRefused' });
  });

  it.each(['ada', 'eve'])('is not approved by %s, who asked for it', (who) => {
    expect(says(waiting(), who)).toMatchObject({ type: 'SelfApproval' });
  });

  it('is approved by those alone that the policy names', () => {
    const tag = waiting({ from: ['bob', 'cem'] });
    expect(says(tag, 'dan')).toMatchObject({
      type: 'ApprovalRefused',
      details: { reason: 'not-an-approver' },
      message: 'expected one of bob, cem to approve flight-delay/1, got dan',
    });
    expect(says(tag, 'cem')).toBeNull();
  });

  it('is approved once by each, and by no more than it needs', () => {
    const tag = waiting({ required: 2 });
    expect(says(tag, 'bob')).toBeNull();
    const again = says(tag, 'bob');
    expect(again).toMatchObject({ details: { reason: 'already-decided' } });
    expect(again?.message).toContain('bob has approved');
    expect(says(tag, 'cem')).toBeNull();
    expect(says(tag, 'dan')?.message).toContain('all the approvals it needs');
  });

  it('is not approved after its time', () => {
    const tag = waiting({ expiresAfter: '1m' });
    tag.try({ type: 'noteTrigger', asked: asked(), from: tag.at, until: tag.at });
    expect(says(tag, 'bob')).toMatchObject({ details: { reason: 'expired' } });
  });

  it.each([
    [{ version: 2 }, 'flight-delay/2'],
    [{ digest: `sha256:${'0'.repeat(64)}` }, 'sha256:000000000000'],
    [{ from: 7 }, 'in place of flight-delay/7'],
    [{ rollout: 'rollout-9' }, 'by rollout-9'],
    [{ liveSeq: 99 }, 'expected an approval of flight-delay/1'],
  ])('is bound to what was shown: %o is another', (over, said) => {
    const refused = says(waiting(), 'bob', over);
    expect(refused).toMatchObject({
      type: 'ApprovalRefused',
      details: { reason: 'other-candidate' },
    });
    expect(refused?.message).toContain(said);
  });

  it('shows no digest of a version that the state holds no record of', () => {
    const tag = waiting();
    expect(approvalView({ ...tag.state, models: {} })?.subject.digest).toBe('');
  });

  it('is asked for when one waits, and shown as nothing when none does', () => {
    const tag = new Driven();
    expect(approvalView(tag.state)).toBeNull();
    const subject = { rollout: 'r', version: 1, digest: 'sha256:x', from: null, liveSeq: null };
    expect(tag.try({ type: 'approve', asked: asked(), subject })).toMatchObject({
      details: { reason: 'not-waiting' },
    });
    tag.begin(1);
    expect(tag.try({ type: 'reject', asked: asked(), subject })).toMatchObject({
      details: { reason: 'not-waiting' },
    });
  });

  it('goes when one rejects it, and its run is told', () => {
    const tag = waiting();
    expect(says(tag, 'bob', {}, 'reject')).toBeNull();
    expect(tag.state.lease).toBeNull();
    expect(tag.state.tail.at(-1)).toMatchObject({ action: 'abort', reason: 'rejected: a reason' });
    expect(tag.state.notices.at(-1)).toMatchObject({
      workflowId: 'rollout-1',
      notice: { about: 'lease', type: 'Rejected' },
    });
  });

  it('is approved by a signature once, though it waits again', () => {
    const tag = waiting();
    const signed = { signature: 'c2ln', expiresAt: '2026-06-01T00:00:00.000Z' };
    const approving = () =>
      ({ type: 'approve', asked: asked('c', 'bob'), subject: subjectOf(tag), signed }) as const;
    tag.do(approving());
    const back = { rollout: 'rollout-1', version: 1, digest: '', from: null, liveSeq: null };
    tag.do({ type: 'withdraw', asked: asked('c', 'bob'), subject: back });
    expect(tag.try(approving())).toMatchObject({
      type: 'ApprovalRefused',
      message: 'expected a new signature, got one that has been used',
    });
    const other = { ...signed, signature: 'b3RoZXI=' };
    expect(tag.try({ ...approving(), signed: other })).toBeNull();
  });

  it('is left by a rollback, not by a rejection, once it carries traffic', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.define({ ...definition, ...gated() });
    tag.begin(2);
    tag.do({ type: 'approve', asked: asked('c', 'bob'), subject: subjectOf(tag) });
    const step = { asked: asked('rollout-2'), lease: tag.lease(), step: 1 };
    tag.do({ type: 'shiftTraffic', ...step, weightPercent: 10 });
    tag.settle();
    expect(says(tag, 'cem', {}, 'reject')).toMatchObject({
      details: { reason: 'already-decided' },
      message: expect.stringContaining('roll it back'),
    });
  });

  it('is not rejected by who asked for it', () => {
    expect(says(waiting(), 'ada', {}, 'reject')).toMatchObject({ type: 'SelfApproval' });
  });

  it('needs nobody when the glass is broken, which the ledger says loudly', () => {
    const tag = new Driven({
      ...gated(),
      rollout: { windows: [{ days: ['mon'], from: '09:00', to: '10:00' }] } as never,
    });
    const grant = tag.begin(1, { breakGlass: true });
    expect(grant).toMatchObject({ plan: { approval: null, windows: null } });
    expect(tag.state.tail.at(-1)?.reason).toBe('BREAK GLASS: a reason');
    expect(tag.state.tail.at(-1)?.evidence.at(-1)).toContain('BREAK GLASS');
    expect(commit(tag)).toBeNull();
  });
});

describe('I6 an approval that is taken back', () => {
  const takesBack = (tag: Driven, who: string, rollout = 'rollout-1') =>
    tag.try({
      type: 'withdraw',
      asked: asked('caller', who),
      subject: { rollout, version: 1, digest: '', from: null, liveSeq: null },
    });

  it('lets the candidate wait again', () => {
    const tag = waiting();
    says(tag, 'bob');
    expect(takesBack(tag, 'bob')).toBeNull();
    expect(tag.state.lease?.approval?.given).toEqual([]);
    expect(tag.state.notices.at(-1)?.notice).toMatchObject({ about: 'approval', have: 0 });
    expect(commit(tag)).toMatchObject({ type: 'ApprovalRefused' });
  });

  it('stops the commit that is being written', () => {
    const tag = waiting();
    says(tag, 'bob');
    commit(tag);
    expect(takesBack(tag, 'bob')).toBeNull();
    expect(tag.state.intent).toMatchObject({ entry: { action: 'abort' }, live: null, soft: false });
    expect(tag.state.tail.at(-1)).toMatchObject({ action: 'promote', outcome: 'superseded' });
    tag.settle();
    expect(tag.state).toMatchObject({ live: null, lease: null });
  });

  it.each(['while it is written', 'when it is in force'])(
    'takes the share of the traffic away again %s',
    (when) => {
      const tag = new Driven();
      tag.promote(1);
      tag.define({ ...definition, ...gated() });
      tag.begin(2);
      tag.do({ type: 'approve', asked: asked('c', 'bob'), subject: subjectOf(tag) });
      tag.do({
        ...{ type: 'shiftTraffic', asked: asked('rollout-2'), lease: tag.lease() },
        ...{ step: 1, weightPercent: 10 },
      });
      if (when === 'when it is in force') tag.settle();
      expect(takesBack(tag, 'bob', 'rollout-2')).toBeNull();
      expect(tag.state.intent?.route.canary).toBeUndefined();
      tag.settle();
      expect(routeOf(tag.state).canary).toBeUndefined();
      expect(Object.keys(tag.state.quarantined)).toEqual(['2']);
    },
  );

  it('is a rollback when the candidate is live', () => {
    const tag = new Driven();
    tag.promote(1);
    tag.define({ ...definition, ...gated() });
    tag.begin(2);
    tag.do({ type: 'approve', asked: asked('c', 'bob'), subject: subjectOf(tag) });
    tag.do({ type: 'commitRollout', asked: asked('rollout-2'), lease: tag.lease(), step: 1 });
    tag.settle();
    expect(takesBack(tag, 'cem', 'rollout-2')).toMatchObject({
      details: { reason: 'not-an-approver' },
    });
    expect(takesBack(tag, 'bob', 'rollout-2')).toBeNull();
    expect(tag.settle()).toMatchObject({
      action: 'rollback',
      reason: 'approval withdrawn: a reason',
    });
    expect(tag.state).toMatchObject({ live: 1, liveApproved: null });
  });

  it('was given by who takes it back, to what is in flight or live', () => {
    const tag = waiting();
    expect(takesBack(tag, 'bob')).toMatchObject({ details: { reason: 'not-an-approver' } });
    expect(takesBack(tag, 'bob', 'rollout-9')).toMatchObject({
      type: 'ApprovalRefused',
      details: { reason: 'not-waiting' },
    });
    tag.try(beginning(1));
  });
});
