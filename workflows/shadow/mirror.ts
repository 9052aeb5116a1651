import { CancellationScope, condition, isCancellation, log, patched } from '@temporalio/workflow';
import type { LedgerEntry } from '../../temporal/contracts/ledger.js';
import type { ShadowRequests } from '../../temporal/contracts/shadow.js';
import { after } from '../../temporal/duration.js';
import { applicationFailure, failure, isFailure } from '../../temporal/errors.js';
import { modelId } from '../../temporal/ids.js';
import { LONGEST_SHADOW_MS } from '../../temporal/shadow-defaults.js';
import { NO_REQUESTS } from '../policy/mirror-tally.js';
import { looks, tags } from '../proxies.js';
import type { Stages } from '../stages.js';
import { Lock } from '../tag/lock.js';
import { Controls, notOpen } from './controls.js';
import { Tally } from './figures.js';
import { recordOf, type Prepared } from './prepared.js';
import type { Slot } from './slot.js';

/** The look that decides whether a window is extended is so long before its end, and at most a tenth of the window. */
const LOOK_AHEAD_MS = 30_000;

/** A window that is booked and warm: everything its mirror needs. */
export interface Open {
  of: Prepared;
  slot: Slot;
  from: string;
  until: string;
}

/** The mirror of a shadow run, from its beginning to the route without it. */
export class Mirror {
  readonly controls: Controls;
  /** The entries of the ledger that began and ended it. */
  begun: LedgerEntry | null = null;
  ended: LedgerEntry | null = null;
  extended = false;
  /** Asked for and ended between these, by the run's clock: every prediction of the window is. */
  since = '';
  endedAt = '';
  private open: Open | null = null;
  private looked = false;
  /** As it was booked. */
  private lengthMs = 0;
  private over = false;
  private tally: Tally | null = null;
  /** Whether the tag may have one of this run's: an answer may be lost that says so. */
  private asked = false;
  private readonly stages: Stages;
  private readonly lock = new Lock();

  constructor(stages: Stages) {
    this.stages = stages;
    this.controls = new Controls(
      () => (this.over ? null : (this.begun && this.until) || null),
      ({ until, actor }) => this.extend(until, actor),
    );
  }

  /** From the beginning of the window to its end. False: it was over before it could begin. */
  async through(open: Open): Promise<boolean> {
    this.open = open;
    this.lengthMs = Date.parse(open.until) - Date.parse(open.from);
    if (this.isPast || !(await this.begin(open))) return false;
    while (!(await this.isOver())) await this.nextMoment();
    return true;
  }

  /** False: the window was over when the tag was asked, as when a worker died over it; the tag has nothing of it then. */
  private async begin({ of }: Open): Promise<boolean> {
    this.since = new Date().toISOString();
    this.tally = new Tally(of.request);
    await this.tally.begin();
    try {
      // Whoever cancels while it is being written comes too late: what was begun is ended.
      this.begun = await CancellationScope.nonCancellable(() => this.write('begin', this.until));
    } catch (error) {
      const missed = this.isPast && isFailure(error, 'InvalidRequest');
      if (missed && patched('a window missed over its beginning')) return false;
      throw error;
    }
    this.show();
    return true;
  }

  private get isPast(): boolean {
    return Date.parse(this.until) <= Date.now();
  }

  private get until(): string {
    return this.open?.until ?? '';
  }

  /** Begins the mirror, or moves its end. */
  private async write(
    step: string,
    until: string,
    why: { actor?: string; reason?: string } = {},
  ): Promise<LedgerEntry> {
    const { request, asking, candidate, terms } = this.opened.of;
    const model = recordOf(candidate);
    const { samplingPercent } = terms;
    const asked = asking.asked(step, why);
    this.asked = true;
    return tags.beginShadow(request.tag, { asked, model, samplingPercent, until });
  }

  private get opened(): Open {
    if (this.open === null) throw notOpen();
    return this.open;
  }

  private async nextMoment(): Promise<void> {
    const { until } = this;
    const moment = this.looked ? Date.parse(until) : this.lookAt;
    const changed = (): boolean => this.controls.over || this.until !== until;
    await condition(changed, Math.max(1, moment - Date.now()));
  }

  private get lookAt(): number {
    return Date.parse(this.until) - Math.min(LOOK_AHEAD_MS, this.lengthMs / 10);
  }

  /** Under the lock, so that an end that is being moved is moved before it has come. */
  private isOver(): Promise<boolean> {
    return this.lock.run(async () => {
      if (!this.controls.over && !this.looked && this.lookAt <= Date.now()) await this.look();
      this.over = this.controls.over || this.isPast;
      return this.over;
    });
  }

  /**
   * With too few requests the window is as long again, once, where its pool has room. Figures that cannot be read show no lack:
   * they are asked for longer than what is left of the window, so that there is no time for another look.
   */
  private async look(): Promise<void> {
    this.looked = true;
    const { minRequests } = this.opened.of.terms;
    if (minRequests === 0 || !this.tally || !(await this.tally.read())) return;
    if (this.tally.requests.mirrored >= minRequests) return;
    const now = new Date().toISOString();
    const until = after(this.until > now ? this.until : now, this.lengthMs);
    const reason = `extended: fewer than ${String(minRequests)} requests`;
    try {
      await this.moveEnd(until < this.latest ? until : this.latest, { actor: 'modelyard', reason });
    } catch (error) {
      if (isCancellation(error)) throw error;
      const said = applicationFailure(error)?.message ?? String(error);
      log.info('the window is not extended', { said });
      this.stages.detail('window', `not extended: ${said}`);
    }
  }

  private get latest(): string {
    return after(this.begun?.at ?? this.since, LONGEST_SHADOW_MS);
  }

  /** The mirror's counts since it began, as far as they are known. */
  async requests(): Promise<ShadowRequests> {
    await this.tally?.read();
    return this.tally?.requests ?? NO_REQUESTS;
  }

  private extend(until: string, actor: string): Promise<{ until: string }> {
    return this.lock.run(async () => {
      if (this.over || this.controls.over) throw notOpen();
      this.refuseEnd(until);
      await this.moveEnd(until, { actor, reason: `end moved to ${until} by ${actor}` });
      return { until: this.until };
    });
  }

  private refuseEnd(until: string): void {
    const now = new Date().toISOString();
    if (until > now && until <= this.latest) return;
    const message = `expected an end after ${now} and at most 30 days after the beginning, until ${this.latest}, got ${until}`;
    throw failure('InvalidRequest', message, { details: { issues: [{ path: 'until', message }] } });
  }

  private async moveEnd(until: string, why: { actor: string; reason: string }): Promise<void> {
    await this.opened.slot.lengthen(until);
    await this.write('extend', until, why);
    this.extended ||= until > this.until;
    this.open = { ...this.opened, until };
    this.show();
  }

  private show(): void {
    this.stages.wait('window', { what: 'window', until: this.until });
  }

  /** Ends the mirror, unless the tag has by itself. Under the lock: an end that is being moved just now is in force before. */
  async end(reason = this.endReason): Promise<void> {
    this.over = true;
    // Shielded within the lock: to a run that was cancelled, the scope of the lock may be cancelled from its beginning.
    await this.lock.run(() => CancellationScope.nonCancellable(() => this.askForEnd(reason)));
  }

  private async askForEnd(reason: string): Promise<void> {
    if (!this.asked || this.endedAt !== '') return;
    const { request, asking } = this.opened.of;
    const { actor = request.actor } = this.controls.ending ?? {};
    const asked = asking.asked('end', { actor, reason });
    this.ended = await tags.endShadow(request.tag, { asked });
    this.endedAt = new Date().toISOString();
  }

  private get endReason(): string {
    return this.controls.ending?.reason ?? `its window was until ${this.until}`;
  }

  /** Why the comparison is worth nothing; null: it is worth something. The ledger knows it, too, when a word got lost. */
  get cancelled(): string | null {
    if (this.controls.told !== null) return this.controls.told;
    const { ended } = this;
    if (ended === null || ended.workflowId === this.opened.of.asking.workflowId) return null;
    return ended.reason.startsWith('cancelled: ') ? ended.reason : null;
  }

  /** Whether the route in force was read back as the one the tag means without the mirror. */
  async restored(): Promise<boolean> {
    const { tag, version } = this.opened.of.request;
    try {
      await looks.confirmRoute({ tag, mirrored: modelId(tag, version) });
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('the route after the window was not seen', { said: String(error) });
      return false;
    }
  }
}
