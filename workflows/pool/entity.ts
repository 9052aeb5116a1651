import { setCurrentDetails } from '@temporalio/workflow';
import { specOf, type PoolState } from '../policy/pool/state.js';
import { transition, type PoolCommand } from '../policy/pool/transition.js';
import { answered, remember } from '../policy/tag/done.js';
import { now, refusal } from '../tag/entity.js';
import { detailsOf } from './details.js';

/** A slot pool while its workflow runs: the state and the one way to change it. */
export class Pool {
  /** Commands answered in this workflow run; continue-as-new starts a new count. */
  answeredCount = 0;
  private current: PoolState;

  constructor(state: PoolState) {
    this.current = state;
    setCurrentDetails(detailsOf(state, now()));
  }

  get state(): PoolState {
    return this.current;
  }

  /** Whether there is such a pool; one that was only asked for by a wrong name need not live on. */
  get exists(): boolean {
    return specOf(this.current) !== null;
  }

  /** Refuses, without a trace in the history, what would be refused by the handler. */
  admit(command: PoolCommand): void {
    if (this.known(command)) return;
    const outcome = transition(this.current, command, now());
    if (outcome.refused) throw refusal(outcome.refused);
  }

  /** The same request gets the same answer, also after a continue-as-new, and has its effect once. */
  once(command: PoolCommand): unknown {
    const known = this.known(command);
    if (known) return known.result;
    const at = now();
    const outcome = transition(this.current, command, at);
    if (outcome.refused) throw refusal(outcome.refused);
    const { type, asked } = command;
    const request = { key: `${type}:${asked.key}`, hash: asked.hash, at };
    const { state, result } = outcome;
    this.current = remember(state, { ...request, kind: 'caller', result });
    this.answeredCount += 1;
    setCurrentDetails(detailsOf(this.current, at));
    return result;
  }

  private known({ type, asked }: PoolCommand): { result: unknown } | null {
    const known = answered(this.current, type, asked);
    if (known && 'refused' in known) throw refusal(known.refused);
    return known;
  }
}
