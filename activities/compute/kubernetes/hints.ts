import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { GOING_SELECTOR, LABELS } from './marks.js';
import type { Transport } from './transport.js';

/** What a watch says of a Job that was last read at some resource version. */
export type Hint = 'unchanged' | 'changed' | 'unknown';
/** How a Job went that is no longer there, as far as the watch saw it. */
export type Parting = 'ended' | 'running';

const Event = z.object({
  type: z.string(),
  object: z.object({
    metadata: z
      .object({
        uid: z.string().optional(),
        resourceVersion: z.string().optional(),
        labels: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
    status: z
      .object({
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional(),
      })
      .optional(),
  }),
});

/** The apiserver ends the watch after this time; it begins again. */
const WATCH_SECONDS = 240;
/** Silence after which a connection is taken for dead: a watch is only a hint, so a false alarm costs nothing. */
const QUIET_MS = 120_000;
const ANSWER_MS = 8_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** One that ends sooner is cut off by something between, which would cut off the next one too: each begins with every Job. */
const LIVED_MS = 10_000;
/** Nobody looks at a job of the namespace any more. */
const IDLE_MS = 60_000;
const PARTINGS = 1_000;

/** One watch for each namespace, as a reason to read again or not to; never as the truth. */
export class Hints {
  readonly #transport: Transport;
  readonly #watches = new Map<string, Watch>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  of(namespace: string, job: { uid: string; resourceVersion: string }): Hint {
    const watch = this.#watching(namespace);
    if (watch.partings.has(job.uid)) return 'changed';
    const seen = watch.versions.get(job.uid);
    if (!watch.alive || seen === undefined) return 'unknown';
    return seen === job.resourceVersion ? 'unchanged' : 'changed';
  }

  /** Undefined when the watch did not see it go. */
  parting(namespace: string, uid: string): Parting | undefined {
    return this.#watches.get(namespace)?.partings.get(uid);
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
  }

  #watching(namespace: string): Watch {
    const known = this.#watches.get(namespace);
    if (known && !known.stopped) {
      known.wanted();
      return known;
    }
    const watch = new Watch(this.#transport, namespace);
    this.#watches.set(namespace, watch);
    void watch.run();
    return watch;
  }
}

class Watch {
  readonly versions = new Map<string, string>();
  readonly partings = new Map<string, Parting>();
  alive = false;
  readonly #transport: Transport;
  readonly #path: string;
  readonly #stop = new AbortController();
  #wantedAtMs = performance.now();

  constructor(transport: Transport, namespace: string) {
    this.#transport = transport;
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      // Begins with every Job there is, so that a watch that was lost needs no list before the next.
      resourceVersion: '0',
      labelSelector: GOING_SELECTOR,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    this.#path = `/apis/batch/v1/namespaces/${namespace}/jobs?${query.toString()}`;
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  wanted(): void {
    this.#wantedAtMs = performance.now();
  }

  stop(): void {
    this.#stop.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const beganAtMs = performance.now();
      // Without the right to watch, jobs are found out by reading alone.
      const refused = await this.#follow().then(() => false, isForbidden);
      const lived = performance.now() - beganAtMs > LIVED_MS;
      failures = refused ? Infinity : lived ? 0 : failures + 1;
      this.alive = false;
      if (performance.now() - this.#wantedAtMs > IDLE_MS) this.stop();
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures) * Math.random();
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const options = { signal, quietMs: QUIET_MS, answerMs: ANSWER_MS };
    const answer = await this.#transport.stream(this.#path, options);
    this.versions.clear();
    this.alive = true;
    for await (const line of linesOf(answer)) {
      if (!this.#take(line)) return;
      if (performance.now() - this.#wantedAtMs > IDLE_MS) this.stop();
    }
  }

  /** False when the apiserver ends it: it has forgotten what the watch began with. */
  #take(line: string): boolean {
    const { type, object } = Event.parse(JSON.parse(line));
    if (type === 'ERROR') return false;
    const { uid, resourceVersion, labels } = object.metadata ?? {};
    if (type === 'BOOKMARK' || uid === undefined || resourceVersion === undefined) return true;
    if (type !== 'DELETED') {
      this.versions.set(uid, resourceVersion);
      return true;
    }
    this.versions.delete(uid);
    // One whose end was recorded only leaves what is watched.
    if (labels?.[LABELS.ended] !== undefined) return true;
    const isEnd = (of: { type: string; status: string }): boolean =>
      (of.type === 'Complete' || of.type === 'Failed') && of.status === 'True';
    this.#part(uid, object.status?.conditions?.some(isEnd) === true ? 'ended' : 'running');
    return true;
  }

  #part(uid: string, as: Parting): void {
    this.partings.set(uid, as);
    const [oldest] = this.partings.keys();
    if (this.partings.size > PARTINGS && oldest !== undefined) this.partings.delete(oldest);
  }
}

const isForbidden = (error: unknown): boolean => error instanceof ApiError && error.status === 403;

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}
