import { isCancellation, log, setCurrentDetails } from '@temporalio/workflow';
import type { FencedRoute } from '../../temporal/contracts/route.js';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { Asked } from '../../temporal/contracts/tag.js';
import { digestOf } from '../../temporal/digest.js';
import { applicationFailure, failure, isFailure } from '../../temporal/errors.js';
import { answered, conflict, remember } from '../policy/tag/done.js';
import { rulesOf } from '../policy/tag/logic.js';
import type { Intent, Outcome, Refusal, TagState } from '../policy/tag/state.js';
import { transition, type Command } from '../policy/tag/transition.js';
import { traffic } from '../proxies.js';
import { detailsOf } from './details.js';
import { Turns } from '../turns.js';
import { Lock } from './lock.js';

/** Temporal admits ten handlers at once; the last four are for rollback and demote. */
const ROOM = 6;

/** The order in which lanes go on that are due at once. */
const LANES = [
  'attributes',
  'repair',
  'expiry',
  'shadow',
  'thaw',
  'turn',
  'notices',
  'register',
  'journal',
  'projection',
  'schedule',
  'warm',
  'retire',
];

const URGENT = new Set(['rollback', 'demote', 'withdraw']);
/** Commands that end a write under way by themselves; every other one finds none, because the lock lets it in after. */
const MAY_MEET_A_WRITE = new Set(['rollback', 'demote', 'withdraw', 'retire', 'settle']);

/** A run's own steps, kept only as long as the run may repeat them; callers' requests are kept for a day. */
const RUN_STEPS = new Set([
  'beginRollout',
  'commitRollout',
  'abortRollout',
  'renewLease',
  'holdHost',
  'releaseHost',
  'shiftTraffic',
  'beginShadow',
  'endShadow',
]);

/** A tag while its workflow runs: the state, the one way to change it, and the one way to write its route. */
export class Entity {
  readonly lock = new Lock();
  readonly turns: Turns;
  /** Commands answered in this workflow run; continue-as-new starts a new count. */
  answeredCount = 0;
  /** Goes up with every change of the state, so that a waiting lane can tell. */
  revision = 0;
  /** The host that is being retired now. */
  retiring: string | null = null;
  private inFlight = new Map<string, string>();

  private current: TagState;

  constructor(state: TagState) {
    this.current = state;
    this.turns = new Turns(LANES, rulesOf(state).lanesTakeTurns);
  }

  get state(): TagState {
    return this.current;
  }

  set(state: TagState): void {
    if (state === this.current) return;
    this.current = state;
    this.revision += 1;
    setCurrentDetails(detailsOf(state));
  }

  /** Changes the state by one command, or throws its refusal. */
  apply(command: Command): unknown {
    const outcome = transition(this.current, command, now());
    if (outcome.refused) throw refusal(outcome.refused);
    this.assertOneWrite(command, outcome.state);
    this.set(outcome.state);
    return outcome.result;
  }

  /** An intent that is replaced and not settled would leave a route write without an entry. */
  private assertOneWrite({ type }: Command, next: TagState): void {
    const { intent } = this.current;
    if (intent === null || MAY_MEET_A_WRITE.has(type) || next.intent === intent) return;
    throw failure('Overloaded', `a write of the route of ${next.tag} is under way`);
  }

  /** Refuses, without a trace in the history, what would be refused by the handler. */
  admit(command: Command & { asked: Asked }): void {
    const method = command.type;
    const known = answered(this.current, method, command.asked);
    if (known && 'refused' in known) throw refusal(known.refused);
    if (known) return;
    const started = this.inFlight.get(`${method}:${command.asked.key}`);
    if (started !== undefined && started !== command.asked.hash)
      throw refusal(conflict(command.asked).refused);
    if (!URGENT.has(method) && this.inFlight.size >= ROOM) {
      throw failure('Overloaded', `${String(ROOM)} commands of ${this.current.tag} are in flight`);
    }
    // Who signed is known in the handler only, and may be somebody else than the name that is claimed.
    if ('signed' in command && command.signed) return;
    const outcome: Outcome = transition(this.current, command, now());
    if (outcome.refused) throw refusal(outcome.refused);
  }

  /** The same request gets the same answer, also after a continue-as-new, and has its effect once. */
  async once<Result>(method: string, asked: Asked, work: () => Promise<Result>): Promise<Result> {
    const known = answered(this.current, method, asked);
    if (known && 'refused' in known) throw refusal(known.refused);
    if (known) return known.result as Result;
    const key = `${method}:${asked.key}`;
    this.inFlight.set(key, asked.hash);
    try {
      const result = await work();
      const kind = RUN_STEPS.has(method) ? 'step' : 'caller';
      this.set(remember(this.current, { key, hash: asked.hash, at: now(), kind, result }));
      this.answeredCount += 1;
      return result;
    } finally {
      this.inFlight.delete(key);
    }
  }

  /** Writes the intent's route, compares what reads back, and settles it. Null when something newer settled it first. */
  private async carryOut(intent: Intent): Promise<LedgerEntry | null> {
    try {
      const seen = await traffic(intent.soft ? '60s' : '1h').moveTraffic(this.moveOf(intent));
      if (!sameRoute(seen, intent)) throw mismatch(seen, intent);
    } catch (error) {
      if (this.current.intent?.fence !== intent.fence && isCancellation(error)) return null;
      this.learnFence(error);
      this.settle(intent, 'failed');
      throw applicationFailure(error) ?? unconfirmed(error);
    }
    return this.settle(intent, 'applied');
  }

  /** A store that has seen higher fences than this state is written above them from now on. */
  private learnFence(error: unknown): void {
    const said = isFailure(error, 'StaleFence') ? applicationFailure(error) : undefined;
    const { fence } = (said?.details?.[0] ?? {}) as { fence?: number };
    if (fence !== undefined && fence > this.current.fence) this.set({ ...this.current, fence });
  }

  async carryOutPending(): Promise<LedgerEntry | null> {
    const { intent } = this.current;
    return intent === null ? null : this.carryOut(intent);
  }

  /** Changes the state by one command and carries out the write that it decided on. Under the lock: no other is pending then. */
  async carryOutOf(command: Command): Promise<void> {
    this.apply(command);
    await this.carryOutPending();
  }

  private moveOf(intent: Intent) {
    const { live, canary, mirror } = intent.route;
    const named = [live, canary, mirror].map((target) => target?.host);
    const hosts = Object.values(this.current.hosts)
      .map(({ spec }) => spec)
      .filter(({ name }) => named.includes(name));
    return { tag: this.current.tag, route: intent.route, fence: intent.fence, hosts };
  }

  private settle(intent: Intent, outcome: 'applied' | 'failed'): LedgerEntry | null {
    const entry = this.apply({
      type: 'settle',
      fence: intent.fence,
      outcome,
    }) as LedgerEntry | null;
    log.info('intent settled', {
      action: intent.entry.action,
      fence: intent.fence,
      outcome: entry?.outcome ?? 'superseded',
    });
    return entry;
  }
}

export const now = (): string => new Date().toISOString();

export const refusal = ({ type, message, details }: Refusal): Error =>
  failure(type, message, { details });

const mismatch = (seen: FencedRoute, { fence }: Intent): Error =>
  failure(
    'RouteMismatch',
    `expected the route of fence ${String(fence)} to read back, got another of fence ${String(seen.fence)}`,
  );

/** A write that timed out may have happened; the repair that follows makes sure. */
const unconfirmed = (cause: unknown): Error =>
  failure('GatewayUnavailable', 'the write of the route was not confirmed in time', {
    ...(cause instanceof Error && { cause }),
  });

const sameRoute = (seen: FencedRoute, intent: Intent): boolean =>
  seen.fence === intent.fence && digestOf(seen.route) === digestOf(intent.route);
