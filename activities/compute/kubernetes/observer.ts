import type { V1Job } from '@kubernetes/client-node';
import type { JobObservation, JobRef } from '../../../temporal/contracts/job.js';
import { failure } from '../../../temporal/errors.js';
import type { Api, Named } from './api.js';
import { readEnd, type RecordedEnd } from './end.js';
import { completed, recordEnd, type Stores, tellEnd } from './ending.js';
import type { Hints } from './hints.js';
import { areFresh, isFresh, type Look, type Looks, type ReadEvents, wantsTail } from './looks.js';
import { readIdentity, sayIdentity } from './marks.js';
import { type KubernetesComputeOptions, limitsOf } from './options.js';
import { outcomeOf, terminalCondition } from './outcome.js';
import { podsOfJob } from './pods.js';
import { lastPreemptionMs } from './preemption.js';
import { lacksPod, lostPod, type Moment, progressOf, sayProgress, type Seen } from './progress.js';
import { lastRefusal } from './refusal.js';

const TAIL_LINES = 20;
/** Changes by others between a look and what is written after it; the controller makes two or three at an end. */
const LOOKS_AT_A_TIME = 10;

interface Parts {
  readonly api: Api;
  readonly hints: Hints;
  readonly looks: Looks;
}

type Ended = { end: RecordedEnd; giveUp: boolean };

/** Tells where a Job stands, and writes down its end when it is the first to see it. */
export class Observer {
  readonly #stores: Stores;
  readonly #hints: Hints;
  readonly #looks: Looks;
  readonly #limits: Omit<Moment, 'nowMs'>;

  constructor(options: KubernetesComputeOptions, { api, hints, looks }: Parts) {
    const { artifacts, results } = options;
    this.#stores = { api, artifacts, results };
    this.#hints = hints;
    this.#looks = looks;
    this.#limits = limitsOf(options);
  }

  /** What was seen a moment ago, while nothing says that it is different now. */
  async recent(ref: JobRef): Promise<JobObservation | undefined> {
    const [identity, look] = [readIdentity(ref.uid), this.#looks.of(ref.uid)];
    if (identity === undefined || look === undefined) return undefined;
    const { namespace, uid } = identity;
    const { resourceVersion } = look;
    const hint = this.#hints.of(namespace, { uid, resourceVersion });
    return isFresh(look, hint, Date.now()) ? this.#say(namespace, look) : undefined;
  }

  async look(job: V1Job, ref: JobRef): Promise<JobObservation> {
    const named: Named = { namespace: job.metadata?.namespace ?? '', name: ref.name };
    let seen: V1Job | undefined = job;
    for (let looks = 0; looks < LOOKS_AT_A_TIME; looks += 1) {
      const told = readEnd(seen);
      if (told !== undefined) return this.#ended(seen, told);
      const found: Ended | Look = await this.#read(seen, named);
      if (!('end' in found)) return this.#going(seen, found);
      const written = await recordEnd(this.#stores, seen, found);
      if (written !== undefined) return this.#ended(written, found.end);
      const uid = seen.metadata?.uid;
      seen = await this.#stores.api.read(named);
      if (seen === undefined || seen.metadata?.uid !== uid) return this.vanished(ref);
    }
    throw failure(
      'ComputeUnavailable',
      `job ${ref.name} is changed by somebody all the time, so its end cannot be written down`,
    );
  }

  vanished({ name, uid }: JobRef): JobObservation {
    const look = this.#looks.of(uid);
    this.#looks.forget(uid);
    const identity = readIdentity(uid);
    const where =
      identity === undefined ? 'any namespace of its target' : `namespace ${identity.namespace}`;
    const parting = identity && this.#hints.parting(identity.namespace, identity.uid);
    const last = look && ` (it was ${look.progress.at} when last seen)`;
    const how = {
      ended:
        'it had ended, and was removed before its end was read: by its time to live or by somebody',
      running: `somebody deleted it while it went on${last ?? ''}`,
      unknown: `somebody deleted it or its namespace, or its time to live was over${last ?? ''}`,
    }[parting ?? 'unknown'];
    return { phase: 'vanished', detail: `no job ${name} of uid ${uid} is in ${where}: ${how}` };
  }

  async #read(job: V1Job, named: Named): Promise<Ended | Look> {
    const { uid = '', resourceVersion = '' } = job.metadata ?? {};
    const pods = podsOfJob(await this.#stores.api.podsOf(named), uid);
    const nowMs = Date.now();
    if (terminalCondition(job) !== undefined)
      return { end: await completed(this.#stores, job, outcomeOf(job, pods)), giveUp: false };
    const events = await this.#events({ job, pods }, nowMs);
    const { refusal, preemptedAtMs } = events ?? {};
    const seen = { job, pods, refusal, preemptedAtMs };
    const progress = progressOf(seen, { nowMs, ...this.#limits });
    if (progress.at !== 'stuck') {
      const look = { name: named.name, resourceVersion, progress, atMs: nowMs };
      return { ...look, ...(events && { events }), tail: '', tailAtMs: 0 };
    }
    return { end: await completed(this.#stores, job, { failed: progress.failed }), giveUp: true };
  }

  /** Undefined for a Job that needs no explanation: it costs no request. */
  async #events(seen: Pick<Seen, 'job' | 'pods'>, nowMs: number): Promise<ReadEvents | undefined> {
    const wanted = { refusal: lacksPod(seen, nowMs), preemption: lostPod(seen, nowMs) };
    if (!wanted.refusal && !wanted.preemption) return undefined;
    const { namespace = '', name = '', uid = '' } = seen.job.metadata ?? {};
    const known = this.#looks.of(sayIdentity({ namespace, uid }))?.events;
    if (known !== undefined && areFresh(known, wanted, nowMs)) return known;
    const { api } = this.#stores;
    const refusals = wanted.refusal ? await api.failedCreates(namespace, uid) : [];
    const preemptions = wanted.preemption ? await api.preemptions(namespace) : [];
    return {
      wanted,
      refusal: lastRefusal(refusals) ?? known?.refusal,
      preemptedAtMs: lastPreemptionMs(preemptions, name) ?? known?.preemptedAtMs,
      atMs: nowMs,
    };
  }

  #ended(job: V1Job, end: RecordedEnd): Promise<JobObservation> {
    const { namespace = '', uid = '' } = job.metadata ?? {};
    this.#looks.forget(sayIdentity({ namespace, uid }));
    return tellEnd(this.#stores, job, end);
  }

  #going(job: V1Job, look: Look): Promise<JobObservation> {
    const { namespace = '', uid = '' } = job.metadata ?? {};
    const key = sayIdentity({ namespace, uid });
    const before = this.#looks.of(key);
    const kept = before ? { ...look, tail: before.tail, tailAtMs: before.tailAtMs } : look;
    this.#looks.keep(key, kept);
    return this.#say(namespace, kept);
  }

  async #say(namespace: string, look: Look): Promise<JobObservation> {
    const { progress } = look;
    if (progress.at === 'running' && wantsTail(look, Date.now())) {
      const { pod, container } = progress.log;
      look.tailAtMs = Date.now();
      look.tail = await this.#stores.api.tail({ namespace, name: pod }, container, TAIL_LINES);
    }
    return sayProgress(progress, { namespace, tail: look.tail, nowMs: Date.now() });
  }
}
