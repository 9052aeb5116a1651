import { messageOf, type Log } from '../log.js';
import type { Mirrored } from '../mirror/mirror.js';
import { ByteBudget } from '../mirror/byte-budget.js';
import type { Scored } from '../scoring/observe.js';
import { PredictionCounts } from './counts.js';
import { bytesOf, entryOf, withShadow, type Entry } from './entry.js';
import { PredictionFiles } from './files.js';
import { inRange, newestOf, type InstantRange } from './read.js';
import type { PredictionLogSettings } from './settings.js';
import { Writer } from './writer.js';

const PRUNE_EVERY_MS = 60_000;

/** What was scored, a line each, in files by tag. Nobody waits for it: what it cannot keep is lost, and counted. */
export class PredictionLog {
  readonly counts: PredictionCounts;
  readonly #settings: PredictionLogSettings;
  readonly #files: PredictionFiles;
  readonly #writer: Writer;
  readonly #log: Log;
  readonly #pending: ByteBudget;
  /** Whose copies are under way. */
  readonly #waiting = new Map<Entry, Promise<void>>();
  #ready: Entry[] = [];
  #readyBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #pruning: NodeJS.Timeout;
  #work: Promise<void> = Promise.resolve();

  private constructor(directory: string, settings: PredictionLogSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.counts = new PredictionCounts(log);
    this.#files = new PredictionFiles(directory, settings);
    this.#pending = new ByteBudget(settings.pendingBytes);
    this.#writer = new Writer({
      files: this.#files,
      counts: this.counts,
      redact: new Set(settings.redact),
      writeBytes: settings.flushBytes,
    });
    this.#pruning = setInterval(() => void this.#queue(() => this.#files.prune()), PRUNE_EVERY_MS);
    this.#pruning.unref();
  }

  static async open(
    directory: string,
    settings: PredictionLogSettings,
    log: Log,
  ): Promise<PredictionLog> {
    const opened = new PredictionLog(directory, settings, log);
    await opened.#files.restore(log);
    void opened.#queue(() => opened.#files.prune());
    return opened;
  }

  get enabled(): boolean {
    return this.#settings.enabled;
  }

  /** Written once its copy is settled, when there is one. */
  add(scored: Scored, atMs: number, mirrored: Mirrored | undefined): void {
    if (!this.enabled) return;
    const { bodyBytes } = this.#settings;
    const entry = entryOf(scored, new Date(atMs).toISOString(), bodyBytes);
    if (!this.#pending.take(bytesOf(entry))) {
      this.counts.lost(entry.tag, 1, 'records come faster than they are written');
    } else if (mirrored) {
      const settled = mirrored.outcome.then((outcome) => {
        this.#waiting.delete(entry);
        this.#settle(entry, withShadow(entry, { modelId: mirrored.modelId, outcome, bodyBytes }));
      });
      this.#waiting.set(entry, settled);
    } else {
      this.#toWrite(entry);
    }
  }

  /** The records of a tag within the range, as lines; those whose copies are under way are waited for. */
  async *range(tag: string, range: InstantRange): AsyncGenerator<string> {
    const due = [...this.#waiting].filter(
      ([{ tag: of, at }]) => of === tag && at >= range.from && at < range.until,
    );
    await Promise.all(due.map(([, settled]) => settled));
    await this.#flush();
    yield* inRange(this.#files.of(tag).segments, range);
  }

  /** The newest records of a tag, as lines, oldest first. */
  async newest(tag: string, count: number): Promise<string[]> {
    await this.#flush();
    return newestOf(this.#files.of(tag).segments, count);
  }

  /** Writes what is there; what comes later is not written. */
  async close(): Promise<void> {
    clearInterval(this.#pruning);
    await Promise.all(this.#waiting.values());
    await this.#flush();
    clearTimeout(this.#timer);
  }

  /** The candidate's answer may be what does not fit any more; the record is kept without it being counted twice. */
  #settle(before: Entry, after: Entry): void {
    if (this.#pending.take(bytesOf(after) - bytesOf(before))) {
      this.#toWrite(after);
      return;
    }
    this.#pending.give(bytesOf(before));
    this.counts.lost(after.tag, 1, 'records come faster than they are written');
  }

  #toWrite(entry: Entry): void {
    this.#ready.push(entry);
    this.#readyBytes += bytesOf(entry);
    const { flushBytes, flushMs } = this.#settings;
    if (this.#readyBytes >= flushBytes) void this.#flush();
    else this.#timer ??= setTimeout(() => void this.#flush(), flushMs).unref();
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entries = this.#ready;
    const bytes = this.#readyBytes;
    this.#ready = [];
    this.#readyBytes = 0;
    return this.#queue(async () => {
      await this.#writer.write(entries);
      this.#pending.give(bytes);
      await this.#files.pruneIfGrown();
    });
  }

  /** One after the other, and whatever one meets does not end the next. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#log('predictions-failed', { problem: messageOf(error) });
    });
    return this.#work;
  }
}
