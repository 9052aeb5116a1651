import { setCurrentDetails } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { PlatformState } from '../policy/platform/state.js';
import { transition, type PlatformCommand } from '../policy/platform/transition.js';
import { answered, remember } from '../policy/tag/done.js';
import { now, refusal } from '../tag/entity.js';
import { Turns } from '../turns.js';
import { detailsOf } from './details.js';

type FreezeCommand = Extract<PlatformCommand, { type: 'freezeAll' | 'unfreezeAll' }>;

/** The platform's workflow while it runs: the state and the one way to change it. */
export class Platform {
  readonly turns = new Turns(['thaw', 'push', 'journal'], true);
  /** Commands answered in this workflow run; continue-as-new starts a new count. */
  answeredCount = 0;
  /** Nothing is pushed any more in this workflow run, so nobody has to wait for it. */
  closing = false;
  private current: PlatformState;

  constructor(state: PlatformState) {
    this.current = state;
    setCurrentDetails(detailsOf(state));
  }

  get state(): PlatformState {
    return this.current;
  }

  set(state: PlatformState): void {
    if (state === this.current) return;
    this.current = state;
    setCurrentDetails(detailsOf(state));
  }

  /** Changes the state by one command, or throws its refusal. */
  apply(command: PlatformCommand): unknown {
    const outcome = transition(this.current, command, now());
    if (outcome.refused) throw refusal(outcome.refused);
    this.set(outcome.state);
    return outcome.result;
  }

  /** Refuses, without a trace in the history, what would be refused by the handler. */
  admit(command: FreezeCommand): void {
    if (this.known(command)) return;
    const outcome = transition(this.current, command, now());
    if (outcome.refused) throw refusal(outcome.refused);
  }

  /** The same request gets the same answer, also after a continue-as-new, and has its effect once. */
  once(command: FreezeCommand): LedgerEntry {
    const known = this.known(command);
    if (known) return known;
    const result = this.apply(command) as LedgerEntry;
    const { type, asked } = command;
    const request = { key: `${type}:${asked.key}`, hash: asked.hash, at: now() };
    this.set(remember(this.current, { ...request, kind: 'caller', result }));
    this.answeredCount += 1;
    return result;
  }

  private known({ type, asked }: FreezeCommand): LedgerEntry | null {
    const known = answered(this.current, type, asked);
    if (known && 'refused' in known) throw refusal(known.refused);
    return (known?.result ?? null) as LedgerEntry | null;
  }
}
