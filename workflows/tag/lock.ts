import { CancellationScope } from '@temporalio/workflow';

type Scope = Pick<CancellationScope, 'cancel' | 'run'>;

/**
 * First come, first served, with a fast lane. An urgent holder cancels a soft one and goes ahead of all that wait; it never
 * cancels another urgent one. Cancelling stops the waiting, not the write that is under way: the fence does that.
 */
export class Lock {
  private readonly waiting: (() => void)[] = [];
  private readonly urgent: (() => void)[] = [];
  private held = false;
  private soft: Scope | null = null;
  private readonly newScope: () => Scope;

  constructor(newScope: () => Scope = () => new CancellationScope()) {
    this.newScope = newScope;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.enter(this.waiting);
    // One that came after this one was told to go has decided on its write already, and the ledger would tell it after this work.
    while (this.urgent.length > 0) await this.makeWay();
    const scope = this.newScope();
    this.soft = scope;
    return this.leaveAfter(() => scope.run(work));
  }

  async runUrgent<Result>(work: () => Promise<Result>): Promise<Result> {
    this.soft?.cancel();
    await this.enter(this.urgent);
    return this.leaveAfter(work);
  }

  private async enter(queue: (() => void)[]): Promise<void> {
    if (this.held) await new Promise<void>((go) => queue.push(go));
    this.held = true;
  }

  private makeWay(): Promise<void> {
    const again = new Promise<void>((go) => this.waiting.unshift(go));
    this.urgent.shift()?.();
    return again;
  }

  private async leaveAfter<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } finally {
      this.soft = null;
      const next = this.urgent.shift() ?? this.waiting.shift();
      if (next) next();
      else this.held = false;
    }
  }
}
