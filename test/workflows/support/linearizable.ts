import { isDeepStrictEqual } from 'node:util';
import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { Asked } from '../../../temporal/contracts/tag.js';
import { parseModelId } from '../../../temporal/ids.js';
import { rollbackFrom } from '../../../workflows/policy/tag/rollback.js';
import { emptyTag, type TagState } from '../../../workflows/policy/tag/state.js';
import { transition, type Command } from '../../../workflows/policy/tag/transition.js';

/** One command of one client. `asked.workflowId` is its own, so that the ledger says which entries are its. */
export interface Operation {
  command: Command & { asked: Asked };
  /** By one clock that never goes back, in milliseconds. */
  invokedAt: number;
  respondedAt: number;
  /** What it was told: an answer, or the type of a refusal. */
  told: { answer: unknown } | { refusal: string };
}

/**
 * What keeps a history of one tag from being linearizable in the order of its ledger; nothing: it is.
 *
 * The ledger says in which order the commands took effect, so no order is searched for: it is that one, or the ledger is
 * wrong. This asks more than linearizability does, which is content with any order, and costs n² instead of n!. The order has
 * to respect real time (what was answered before another was asked comes before it), and `transition` itself, replayed in that
 * order from the empty tag, has to write the same entries and give the same answers. A command that writes a route has two
 * instants, decided and settled; what is asked between the two sees it decided. Commands without an entry of their own
 * (refusals, answers that repeat an earlier entry) take the first place that explains their answer, within their time and not
 * before the places of those that were answered earlier: the first place leaves later ones the most room.
 */
export function violations(tag: string, history: Operation[], ledger: LedgerEntry[]): string[] {
  const timed = new Timed(history, ledger);
  const replay = new Replay(tag, timed, ledger);
  const broken = replay.toTheEnd();
  if (broken !== null) return [broken];
  return [
    ...timed.written.flatMap((operation) => wrongOrder(operation, timed)),
    ...timed.written.flatMap((operation) => wrongAnswer(operation, timed)),
    ...unexplained(timed, replay),
  ];
}

const nameOf = ({ command }: Operation): string => `${command.type} ${command.asked.workflowId}`;

/** Which entries are whose, and what real time says of their order. */
class Timed {
  readonly written: Operation[];
  readonly unwritten: Operation[];
  private readonly byId: Map<string, Operation>;
  private readonly entries: Map<string, LedgerEntry[]>;

  constructor(history: Operation[], ledger: LedgerEntry[]) {
    this.byId = new Map(
      history.map((operation) => [operation.command.asked.workflowId, operation]),
    );
    this.entries = Map.groupBy(ledger, ({ workflowId }) => workflowId);
    this.written = history.filter((operation) => this.entriesOf(operation).length > 0);
    this.unwritten = history.filter((operation) => this.entriesOf(operation).length === 0);
  }

  by(workflowId: string): Operation | undefined {
    return this.byId.get(workflowId);
  }

  entriesOf({ command }: Operation): LedgerEntry[] {
    return this.entries.get(command.asked.workflowId) ?? [];
  }

  /** The last entry of all that were answered before it was asked. */
  after({ invokedAt }: Operation): number {
    const before = this.written.filter(({ respondedAt }) => respondedAt < invokedAt);
    return Math.max(0, ...before.map((operation) => this.entriesOf(operation).at(-1)?.seq ?? 0));
  }

  /** The first entry of all that were asked after it was answered. */
  before({ respondedAt }: Operation): number {
    const later = this.written.filter(({ invokedAt }) => invokedAt > respondedAt);
    return Math.min(...later.map((operation) => this.entriesOf(operation)[0]?.seq ?? Infinity));
  }
}

/** A state that the tag was in, and the first entry of the command that brought it there. */
interface Place {
  state: TagState;
  since: number;
}

/** The ledger's commands, one after the other. */
class Replay {
  readonly places: Place[];
  private readonly timed: Timed;
  private readonly ledger: LedgerEntry[];
  private readonly done = new Set<Operation>();

  constructor(tag: string, timed: Timed, ledger: LedgerEntry[]) {
    this.places = [{ state: emptyTag(tag), since: 0 }];
    this.timed = timed;
    this.ledger = ledger;
  }

  /** Null: the ledger is what its commands write; else where it is not. */
  toTheEnd(): string | null {
    for (;;) {
      const next = this.ledger[this.state.seq];
      if (next === undefined) return null;
      const broken = this.commandOf(next);
      if (broken !== null) return broken;
    }
  }

  /** Where an operation may have been, by real time alone. */
  within(operation: Operation): Place[] {
    const [after, before] = [this.timed.after(operation), this.timed.before(operation)];
    return this.places.filter(({ state, since }) => state.seq >= after && since < before);
  }

  private get state(): TagState {
    return (this.places.at(-1) as Place).state;
  }

  private commandOf(first: LedgerEntry): string | null {
    const where = `entry ${String(first.seq)} (${first.action} of ${first.workflowId})`;
    const before = this.state.seq;
    const repair = first.action === 'repair' && first.workflowId === `tag/${first.tag}`;
    const operation = this.timed.by(first.workflowId);
    if (!repair && !operation) return `${where} is nobody's`;
    if (operation && this.done.has(operation))
      return `${where}: its command has had its effect already`;
    if (operation) this.done.add(operation);
    const command = operation
      ? resolved(operation, this.timed.entriesOf(operation))
      : { type: 'repair' as const, reason: first.reason };
    const refused = this.apply(command, first);
    if (refused !== null) return `${where}: ${refused}`;
    return (
      this.compared(before) ?? (this.state.seq > before ? null : `${where}: it writes nothing`)
    );
  }

  private apply(command: Command, { seq, at }: LedgerEntry): string | null {
    const outcome = transition(this.state, command, at);
    if (outcome.refused) return `it would be refused as ${outcome.refused.type}`;
    this.places.push({ state: outcome.state, since: seq });
    const { intent } = outcome.state;
    const end = this.ledger[outcome.state.seq];
    if (intent === null) return null;
    if (end === undefined) return 'its write has no end';
    const settle = { type: 'settle' as const, fence: intent.fence, outcome: end.outcome };
    const settled = transition(outcome.state, settle, end.at);
    if (settled.refused) return settled.refused.type;
    this.places.push({ state: settled.state, since: seq });
    return null;
  }

  private compared(before: number): string | null {
    for (const entry of this.state.tail.filter(({ seq }) => seq > before)) {
      const there = this.ledger[entry.seq - 1];
      if (there === undefined || !isDeepStrictEqual(said(there), said(entry)))
        return `entry ${String(entry.seq)}: expected ${JSON.stringify(said(entry))}, got ${JSON.stringify(there && said(there))}`;
    }
    return null;
  }
}

/**
 * What an entry says; its fence and its hashes are the chain's affair. What a tag knows of a version that nothing of it names any
 * more depends on when its host went, which is no command's doing.
 */
function said({ fence: _, hash: __, previousHash: ___, at: ____, digest, ...entry }: LedgerEntry) {
  const marks = ['quarantine', 'release'].includes(entry.action);
  return marks ? entry : { ...entry, digest };
}

/** A rollback leaves the model that was in flight or live when it came, which its entry names. */
function resolved({ command }: Operation, entries: LedgerEntry[]): Command {
  const last = entries.at(-1);
  if (command.type !== 'rollback' || command.from !== undefined || !last) return command;
  const left = last.action === 'quarantine' ? last.to : last.from;
  return left === null ? command : { ...command, from: parseModelId(left).version };
}

function wrongOrder(operation: Operation, timed: Timed): string[] {
  const [first] = timed.entriesOf(operation);
  const after = timed.after(operation);
  if (first === undefined || after < first.seq) return [];
  return [
    `${nameOf(operation)} was asked after entry ${String(after)} had been answered, and is entry ${String(first.seq)}`,
  ];
}

/** A quarantine that takes a candidate off is answered by its own entry; the abort that follows is told of beside it. */
const answerAmong = ({ command }: Operation, entries: LedgerEntry[]): LedgerEntry | undefined =>
  command.type === 'quarantine'
    ? entries.find(({ action }) => action === 'quarantine')
    : entries.at(-1);

function wrongAnswer(operation: Operation, timed: Timed): string[] {
  const { told } = operation;
  const entries = timed.entriesOf(operation);
  const last = entries.at(-1) as LedgerEntry;
  const wrong = (why: string): string[] => [`${nameOf(operation)}: ${why}`];
  if ('refusal' in told)
    return entries.some(({ outcome }) => outcome === 'applied')
      ? wrong(`refused as ${told.refusal}, and it had an effect: entry ${String(last.seq)}`)
      : [];
  if (last.outcome !== 'applied')
    return wrong(`answered, and entry ${String(last.seq)} is ${last.outcome}`);
  const own = answerAmong(operation, entries) ?? last;
  return answersWith(told.answer, own)
    ? []
    : wrong(`expected entry ${String(own.seq)} as its answer, got ${JSON.stringify(told.answer)}`);
}

function answersWith(answer: unknown, entry: LedgerEntry): boolean {
  const { hash, lease } = (answer ?? {}) as { hash?: string; lease?: string };
  if (entry.action === 'define')
    return isDeepStrictEqual(answer, { ...(answer as object), changed: true });
  if (entry.action === 'rollout-start') return lease === `lease-${String(entry.seq)}`;
  return hash === entry.hash;
}

/** Operations without an entry that no place explains, in the order they were asked. */
function unexplained({ unwritten }: Timed, replay: Replay): string[] {
  const taken: { operation: Operation; place: number }[] = [];
  const wrong: string[] = [];
  for (const operation of unwritten.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
    const earlier = taken.filter(
      ({ operation: { respondedAt } }) => respondedAt < operation.invokedAt,
    );
    const from = Math.max(0, ...earlier.map(({ place }) => place));
    const within = replay.within(operation);
    const found = within.find(
      (place) => replay.places.indexOf(place) >= from && explains(place, operation, within),
    );
    if (found) taken.push({ operation, place: replay.places.indexOf(found) });
    else wrong.push(`${nameOf(operation)}: nothing explains ${JSON.stringify(operation.told)}`);
  }
  return wrong;
}

function explains({ state }: Place, { command, told }: Operation, within: Place[]): boolean {
  const asked =
    command.type === 'rollback' && command.from === undefined
      ? leavings(within).map((from) => ({ ...command, from }))
      : [command];
  const at = state.tail.at(-1)?.at ?? new Date(0).toISOString();
  const outcomes = [command, ...asked].map((each) => transition(state, each, at));
  if ('refusal' in told) return outcomes.some(({ refused }) => refused?.type === told.refusal);
  return outcomes.some(
    (outcome) =>
      !outcome.refused &&
      outcome.state.seq === state.seq &&
      outcome.state.intent === state.intent &&
      sameAnswer(outcome.result, told.answer),
  );
}

/** What a rollback that names nothing may have been about. */
const leavings = (within: Place[]): number[] => [
  ...new Set(within.map(({ state }) => rollbackFrom(state)).filter((from) => from !== null)),
];

/** Entries are the same by their number: what the replay wrote has other hashes. */
function sameAnswer(result: unknown, answer: unknown): boolean {
  const [ours, theirs] = [result, answer] as ({ seq?: number } | null)[];
  if (ours?.seq !== undefined) return ours.seq === theirs?.seq;
  return isDeepStrictEqual(result, answer);
}
