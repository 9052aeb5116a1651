import { expect } from 'vitest';
import type { LedgerEntry } from '../../../../temporal/contracts/ledger.js';
import { acknowledged } from '../../../../workflows/policy/platform/directory.js';
import { emptyPlatform, type PlatformState } from '../../../../workflows/policy/platform/state.js';
import {
  transition,
  type PlatformCommand,
} from '../../../../workflows/policy/platform/transition.js';
import type { Refusal } from '../../../../workflows/policy/tag/state.js';
import { asked } from '../tag/tags.js';

/** The platform driven by commands, one minute apart. */
export class DrivenPlatform {
  state: PlatformState = emptyPlatform();
  private minute = 0;

  get at(): string {
    return minute(this.minute);
  }

  try(command: PlatformCommand): Refusal | null {
    this.minute += 1;
    const outcome = transition(this.state, command, this.at);
    if (outcome.refused) return outcome.refused;
    this.state = outcome.state;
    return null;
  }

  do(command: PlatformCommand): unknown {
    this.minute += 1;
    const outcome = transition(this.state, command, this.at);
    expect(outcome.refused).toBeUndefined();
    if (outcome.refused) throw new Error(outcome.refused.message);
    this.state = outcome.state;
    return outcome.result;
  }

  freeze(until?: string): LedgerEntry {
    const end = until === undefined ? {} : { until };
    return this.do({ type: 'freezeAll', asked: asked(), ...end }) as LedgerEntry;
  }

  unfreeze(): LedgerEntry {
    return this.do({ type: 'unfreezeAll', asked: asked() }) as LedgerEntry;
  }

  register(tag: string, owner = 'ops'): unknown {
    return this.do({ type: 'register', asked: asked(), tag, owner });
  }

  acknowledge(number: number, ...tags: string[]): void {
    this.state = acknowledged(this.state, number, tags);
  }
}

/** An instant, in minutes after the beginning. */
export const minute = (count: number): string =>
  new Date(Date.UTC(2026, 0, 1) + count * 60_000).toISOString();
