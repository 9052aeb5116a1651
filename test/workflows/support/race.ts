import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutGrant } from '../../../temporal/contracts/tag.js';
import { applicationFailure } from '../../../temporal/errors.js';
import type { Operation } from './linearizable.js';
import { candidate, type TagOnServer } from './tag.js';

type Type = Operation['command']['type'];

/** Ends of an attempt that say nothing of the command: it is asked again, under the same key. */
const AGAIN = new Set(['Overloaded', 'AcceptedUpdateCompletedWorkflow']);
const PATIENCE_MS = 240_000;
const VERSIONS = 8;

/** Clients of one tag, and all that they asked and were told, by one clock. */
export class Race {
  readonly history: Operation[] = [];
  private readonly tag: TagOnServer;
  private readonly random: () => number;
  private readonly answered: (count: number) => void;
  private asks = 0;

  /** `answered` hears how many commands have been answered. */
  constructor(
    tag: TagOnServer,
    random: () => number,
    answered: (count: number) => void = () => undefined,
  ) {
    this.tag = tag;
    this.random = random;
    this.answered = answered;
  }

  /** Each client comes in the first second, does what is drawn for it, and is done. */
  async run(clients: number): Promise<void> {
    await this.ask('define', this.tag.definitionFields({ whenBusy: 'reject' }));
    const client = async (): Promise<void> => {
      const work = this.drawn();
      await sleep(this.random() * 1_000);
      await work();
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  private drawn(): () => Promise<unknown> {
    const version = 1 + Math.floor(this.random() * VERSIONS);
    const stories: [share: number, story: () => Promise<unknown>][] = [
      [0.4, () => this.promote(version)],
      [0.15, () => this.ask('rollback', {})],
      [0.1, () => this.ask('rollback', { from: version })],
      [0.1, () => this.ask('demote', { to: this.random() < 0.3 ? 'none' : 'previous' })],
      [0.1, () => this.andBack('freeze', 'unfreeze', {})],
      [0.15, () => this.andBack('quarantine', 'release', { version })],
    ];
    let draw = this.random();
    const story = stories.find(([share]) => (draw -= share) <= 0) ?? stories[0];
    return story?.[1] ?? (() => Promise.resolve());
  }

  /** As a rollout does it: its turn, a share of the traffic, all of it; and what it does not use it gives back. */
  private async promote(version: number): Promise<void> {
    const grant = await this.ask<RolloutGrant>('beginRollout', candidate(version));
    if (grant?.state !== 'granted') return;
    const { lease, incumbent } = grant;
    const shift = { lease, step: 1, weightPercent: 50 };
    const shifted = incumbent === null || (await this.ask('shiftTraffic', shift)) !== null;
    const committed = shifted && (await this.ask('commitRollout', { lease, step: 2 })) !== null;
    if (!committed) await this.ask('abortRollout', { lease, step: 3 });
  }

  private async andBack(there: Type, back: Type, fields: Record<string, unknown>): Promise<void> {
    await this.ask(there, fields);
    await this.ask(back, fields);
  }

  /** The answer; null when it was refused. */
  private async ask<Answer>(type: Type, fields: Record<string, unknown>): Promise<Answer | null> {
    this.asks += 1;
    const id = `race-${String(this.asks)}`;
    const asked = { actor: `actor-${id}`, reason: `reason of ${id}`, workflowId: id, key: id };
    const command = { type, asked: { ...asked, hash: id }, ...fields } as Operation['command'];
    const invokedAt = performance.now();
    const told = await this.told(type, fields, asked);
    this.history.push({ command, invokedAt, respondedAt: performance.now(), told });
    this.answered(this.history.length);
    return 'answer' in told ? (told.answer as Answer) : null;
  }

  private async told(
    type: Type,
    fields: Record<string, unknown>,
    asked: { key: string },
  ): Promise<Operation['told']> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return { answer: await this.tag.send(type, fields, asked) };
      } catch (error) {
        const said = applicationFailure(error)?.type;
        if (said != null && !AGAIN.has(said)) return { refusal: said };
        if (Date.now() > end) throw error;
        // Spread, so that a hundred who were told to come again do not come at once.
        await sleep(20 + this.random() * 400);
      }
    }
  }
}
