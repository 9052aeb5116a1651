import { CancellationScope, condition } from '@temporalio/workflow';

interface Waiting {
  lane: string;
  due: () => boolean;
  go: () => void;
}

/**
 * The lanes of an entity that wait for something to do.
 *
 * Temporal may replay a workflow task that gave no command together with the next one: what came in two activations comes in
 * one. A lane that goes on by itself when its activity ends would then find a change before the command that made it is
 * answered, where it found it after; its commands would come in another order than the history's, and the workflow would stand
 * still for good. So lanes go on at the end of an activation only, when every handler has got as far as it gets, and always in
 * the same order.
 */
export class Turns {
  private readonly waiting: Waiting[] = [];
  private readonly order: readonly string[];
  readonly taken: boolean;

  /** `taken` false: lanes go on by themselves, as histories from before tell. */
  constructor(order: readonly string[], taken: boolean) {
    this.order = order;
    this.taken = taken;
  }

  /** Resolves when the lane is due and it is its turn. */
  wait(lane: string, due: () => boolean): Promise<void> {
    if (!this.taken) return condition(due);
    return new Promise<void>((go, stop) => {
      this.waiting.push({ lane, due, go });
      CancellationScope.current().cancelRequested.catch(stop);
    });
  }

  /** Wakes who is due. */
  async conduct(): Promise<void> {
    while (this.taken) {
      await condition(() => this.waiting.some(({ due }) => due()));
      await endOfActivation();
      for (const { go } of this.takeDue()) go();
    }
  }

  private takeDue(): Waiting[] {
    const due = this.waiting.filter((waiting) => waiting.due());
    for (const waiting of due) this.waiting.splice(this.waiting.indexOf(waiting), 1);
    return due.sort((a, b) => this.order.indexOf(a.lane) - this.order.indexOf(b.lane));
  }
}

/** A condition is looked at when it is stated, and again when everything else of the activation has been done. */
async function endOfActivation(): Promise<void> {
  let looks = 0;
  await condition(() => {
    looks += 1;
    return looks > 1;
  });
}
