import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import { append } from '../../workflows/policy/ledger.js';
import { emptyTag, type TagState } from '../../workflows/policy/tag/state.js';
import { transition, type Command } from '../../workflows/policy/tag/transition.js';
import { asked, definition, model } from './policy/tag/tags.js';
import { violations, type Operation } from './support/linearizable.js';

const TAG = 'flight-delay';
const AT = '2026-01-01T00:00:00.000Z';

/** A tag spoken to by one client at a time; every command takes from one second to the next. */
class OneByOne {
  state: TagState = emptyTag(TAG);
  readonly history: Operation[] = [];

  get ledger(): LedgerEntry[] {
    return this.state.tail;
  }

  ask(command: OwnCommand, outcome: LedgerEntry['outcome'] = 'applied'): Operation {
    const id = `operation-${String(this.history.length)}`;
    const own = { ...command, asked: asked(id) } as Operation['command'];
    const invokedAt = this.history.length * 1_000;
    const told = this.told(own, outcome);
    const operation = { command: own, invokedAt, respondedAt: invokedAt + 900, told };
    this.history.push(operation);
    return operation;
  }

  private told(command: Command, outcome: LedgerEntry['outcome']): Operation['told'] {
    const made = transition(this.state, command, AT);
    if (made.refused) return { refusal: made.refused.type };
    this.state = made.state;
    const { intent } = made.state;
    if (intent === null) return { answer: made.result };
    const settled = transition(this.state, { type: 'settle', fence: intent.fence, outcome }, AT);
    if (settled.refused) throw new Error(settled.refused.message);
    this.state = settled.state;
    return outcome === 'applied' ? { answer: settled.result } : { refusal: 'GatewayUnavailable' };
  }

  promote(version: number): void {
    this.ask(begin(version));
    this.ask({ type: 'commitRollout', lease: this.state.lease?.id ?? '', step: 1 });
  }
}

/** A command of any kind, without who asks. */
type OwnCommand = { type: Operation['command']['type'] } & Record<string, unknown>;

const define: OwnCommand = {
  ...{ type: 'define', definition, digest: 'sha256:d' },
  ...{ codeUri: 'memory:/code', codeRevision: 'abc' },
};
const begin = (version: number): OwnCommand => ({
  type: 'beginRollout',
  model: model(version),
  warrant: { kind: 'gate', registryRunId: 'run' },
});
const quarantine = (version: number): OwnCommand => ({ type: 'quarantine', version });
const rollback: OwnCommand = { type: 'rollback' };

/** Versions 1 and 2 promoted, and 2 rolled back. */
function rolledBack(): OneByOne {
  const tag = new OneByOne();
  tag.ask(define);
  tag.promote(1);
  tag.promote(2);
  tag.ask(rollback);
  return tag;
}

const found = ({ history, ledger }: OneByOne): string[] => violations(TAG, history, ledger);

/** The operations, of which one says something else of itself. */
const but = ({ history }: OneByOne, index: number, change: Partial<Operation>): Operation[] =>
  history.with(index < 0 ? history.length + index : index, { ...at(history, index), ...change });

const at = (history: Operation[], index: number): Operation => history.at(index) as Operation;

/** Two quarantines of which the second began before the first had ended. */
function overlapping(): { history: Operation[]; ledger: LedgerEntry[] } {
  const tag = new OneByOne();
  tag.ask(define);
  tag.ask(quarantine(7));
  tag.ask(quarantine(8));
  const { invokedAt } = at(tag.history, 1);
  return { history: but(tag, 2, { invokedAt: invokedAt + 1 }), ledger: tag.ledger };
}

describe('a history of one tag', () => {
  it('F24 of one client at a time is linearizable, with its refusals and its repeated answers', () => {
    const tag = rolledBack();
    tag.ask({ type: 'rollback', from: 2 });
    tag.ask({ type: 'freeze' });
    tag.ask(begin(3));
    tag.ask({ type: 'unfreeze' });
    tag.ask({ type: 'demote', to: 'none' });
    expect(at(tag.history, 6).told).toEqual(at(tag.history, 5).told);
    expect(at(tag.history, 8).told).toEqual({ refusal: 'Frozen' });
    expect(found(tag)).toEqual([]);
  });

  it('F24 of clients that meet is linearizable in the order of the ledger, whoever was answered first', () => {
    const { history, ledger } = overlapping();
    expect(violations(TAG, history, ledger)).toEqual([]);
    const other = history.with(1, {
      ...at(history, 1),
      respondedAt: at(history, 2).respondedAt + 1,
    });
    expect(violations(TAG, other, ledger)).toEqual([]);
  });

  it('F24 may tell of a write that a newer command superseded, and of one that failed', () => {
    const failed = new OneByOne();
    failed.ask(define);
    failed.ask(begin(1));
    const commit = { type: 'commitRollout' as const, lease: 'lease-2', step: 1 };
    failed.ask(commit, 'failed');
    expect(found(failed)).toEqual([]);
    const superseded = new OneByOne();
    superseded.ask(define);
    superseded.promote(1);
    superseded.ask(begin(2));
    superseded.ask({ ...commit, lease: 'lease-4' }, 'superseded');
    superseded.ask(rollback);
    const history = but(superseded, -2, { told: { refusal: 'Superseded' } });
    expect(violations(TAG, history, superseded.ledger)).toEqual([]);
  });
});

describe('a history that is not linearizable', () => {
  it('F24 when what was answered first is later in the ledger', () => {
    const { history, ledger } = overlapping();
    const late = history.with(1, { ...at(history, 1), invokedAt: 5_000, respondedAt: 5_900 });
    expect(violations(TAG, late, ledger)).toEqual([
      expect.stringContaining(
        'was asked after entry 3 had been answered, and is entry 2',
      ) as string,
    ]);
  });

  it('F24 when an accepted command is not in the ledger', () => {
    const tag = rolledBack();
    const before = tag.ledger;
    tag.ask(quarantine(9));
    expect(violations(TAG, tag.history, before)).toEqual([
      expect.stringContaining('nothing explains') as string,
    ]);
  });

  it('F24 when a command had its effect twice', () => {
    const tag = rolledBack();
    const operation = tag.ask(quarantine(9));
    const { state } = append(tag.state, entryOf(operation), {
      at: AT,
      outcome: 'applied',
      fence: null,
    });
    expect(violations(TAG, tag.history, state.tail)).toEqual([
      expect.stringContaining('has had its effect already') as string,
    ]);
  });

  it("F24 when an entry is nobody's", () => {
    const tag = rolledBack();
    expect(violations(TAG, tag.history.slice(0, -1), tag.ledger)).toEqual([
      expect.stringContaining("is nobody's") as string,
    ]);
  });

  it('F24 when a refused command had an effect', () => {
    const tag = rolledBack();
    tag.ask(quarantine(9));
    const history = but(tag, -1, { told: { refusal: 'Frozen' } });
    expect(violations(TAG, history, tag.ledger)).toEqual([
      expect.stringContaining('refused as Frozen, and it had an effect') as string,
    ]);
  });

  it('F24 when no state of its time explains a refusal', () => {
    const tag = rolledBack();
    tag.ask({ type: 'freeze' });
    tag.ask({ type: 'unfreeze' });
    const refused = { told: { refusal: 'Frozen' } };
    const { ledger } = tag;
    tag.ask(begin(3));
    expect(violations(TAG, but(tag, -1, refused), ledger)).toEqual([
      expect.stringContaining('nothing explains {"refusal":"Frozen"}') as string,
    ]);
    const { invokedAt } = at(tag.history, -2);
    expect(violations(TAG, but(tag, -1, { ...refused, invokedAt }), ledger)).toEqual([]);
  });

  it('F24 when two that saw nothing change saw an older state after a newer one', () => {
    const tag = rolledBack();
    tag.ask({ type: 'freeze' });
    tag.ask({ type: 'unfreeze' });
    const [freeze, unfreeze] = [at(tag.history, -2), at(tag.history, -1)];
    const wide = { ...unfreeze, respondedAt: 20_000 };
    const see = (refusal: string, command: OwnCommand, when: number): Operation => ({
      command: { ...command, asked: asked(`seer-${String(when)}`) } as Operation['command'],
      invokedAt: when,
      respondedAt: when + 10,
      told: { refusal },
    });
    const seenFrozen = (when: number) => see('Frozen', { type: 'freeze' }, when);
    const seenThawed = (when: number) => see('InvalidRequest', { type: 'unfreeze' }, when);
    const rest = [...tag.history.slice(0, -2), freeze, wide];
    const soon = unfreeze.invokedAt + 100;
    expect(
      violations(TAG, [...rest, seenFrozen(soon), seenThawed(soon + 100)], tag.ledger),
    ).toEqual([]);
    expect(
      violations(TAG, [...rest, seenThawed(soon), seenFrozen(soon + 100)], tag.ledger),
    ).toEqual([expect.stringContaining('nothing explains {"refusal":"Frozen"}') as string]);
  });

  it('F24 when an answer names another entry than the one that was written', () => {
    const tag = rolledBack();
    const other = tag.ledger[2];
    expect(violations(TAG, but(tag, -1, { told: { answer: other } }), tag.ledger)).toEqual([
      expect.stringContaining('expected entry 6 as its answer') as string,
    ]);
  });

  it('F24 when the ledger says something else than the command does there', () => {
    const tag = rolledBack();
    const wrong = tag.ledger.map((entry) =>
      entry.action === 'rollback' ? { ...entry, to: null } : entry,
    );
    expect(violations(TAG, tag.history, wrong)).toEqual([
      expect.stringContaining('entry 6: expected') as string,
    ]);
  });

  it('F24 when a command that would be refused there was carried out', () => {
    const tag = rolledBack();
    const second = tag.ledger.filter(({ action }) => action !== 'define');
    expect(violations(TAG, tag.history, second)).toEqual([
      expect.stringContaining('it would be refused as UnknownTag') as string,
    ]);
  });
});

function entryOf({ command }: Operation) {
  const { actor, reason, workflowId } = command.asked;
  const evidence: string[] = [];
  return { action: 'quarantine' as const, from: null, to: 9, actor, reason, workflowId, evidence };
}
