import type { V1Job } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Examined, JobObservation, JobRef, JobSpec } from '../../temporal/contracts/job.js';
import { failure } from '../../temporal/errors.js';
import { Api, type Named } from './kubernetes/api.js';
import { cancelJob } from './kubernetes/cancel.js';
import { Credentials, refuseOutsideCluster } from './kubernetes/credentials.js';
import { readEnd } from './kubernetes/end.js';
import { lastBytes } from './kubernetes/ending.js';
import { examineNamespaces, EXAMINING } from './kubernetes/examine.js';
import { withFailures } from './kubernetes/failures.js';
import { Hints } from './kubernetes/hints.js';
import { Looks } from './kubernetes/looks.js';
import { manifestOf } from './kubernetes/manifest.js';
import { ANNOTATIONS, type JobIdentity, readIdentity, sayIdentity } from './kubernetes/marks.js';
import { Observer } from './kubernetes/observer.js';
import { type KubernetesComputeOptions, limitsOf } from './kubernetes/options.js';
import { terminalCondition } from './kubernetes/outcome.js';
import { namespacesOf, placeOf, sayPlacement } from './kubernetes/placement.js';
import { podsOfJob } from './kubernetes/pods.js';
import { readLog } from './kubernetes/log.js';
import type { Patience } from './kubernetes/retry.js';
import { Transport } from './kubernetes/transport.js';
import type { Compute, KeptJob } from './port.js';
import { specDigest } from './spec-digest.js';

export type { KubernetesComputeOptions } from './kubernetes/options.js';

export interface KubernetesCompute extends Compute {
  /** Ends its watches and connections. Only tests need it: neither keeps a process alive. */
  close(): Promise<void>;
}

/** How long a create waits for a Job of its name that is being deleted. */
const MAKE_ROOM_MS = 20_000;
const PAUSE_MS = 300;

/** Runs jobs as Kubernetes Jobs, each one pod in the namespace of its tier. */
export function createKubernetesCompute(
  options: KubernetesComputeOptions,
  patience?: Patience,
): KubernetesCompute {
  refuseOutsideCluster(options.cluster);
  return new KubernetesJobs(options, patience);
}

class KubernetesJobs implements KubernetesCompute {
  readonly #options: KubernetesComputeOptions;
  readonly #credentials: Credentials;
  readonly #api: Api;
  readonly #examining: Api;
  readonly #hints: Hints;
  readonly #looks = new Looks();
  readonly #observer: Observer;
  /** Creates under way: a cancel waits for them, so that it finds what they make. */
  readonly #creating = new Map<string, Promise<unknown>>();

  constructor(options: KubernetesComputeOptions, patience?: Patience) {
    this.#options = options;
    this.#credentials = new Credentials(options.cluster);
    const transport = new Transport(this.#credentials);
    this.#api = new Api(transport, patience);
    this.#examining = new Api(transport, patience ?? EXAMINING);
    this.#hints = new Hints(transport);
    this.#observer = new Observer(options, {
      api: this.#api,
      hints: this.#hints,
      looks: this.#looks,
    });
  }

  ensure(spec: JobSpec, seen = ''): Promise<JobRef> {
    return withFailures(async () => {
      const made = this.#createOrAdopt(spec, readIdentity(seen));
      this.#creating.set(spec.name, made);
      try {
        return { name: spec.name, target: spec.target, ...(await made) };
      } finally {
        if (this.#creating.get(spec.name) === made) this.#creating.delete(spec.name);
      }
    });
  }

  observe(ref: JobRef): Promise<JobObservation> {
    return withFailures(async () => {
      const known = await this.#observer.recent(ref);
      if (known !== undefined) return known;
      const job = await this.#find(ref);
      return job === undefined ? this.#observer.vanished(ref) : this.#observer.look(job, ref);
    });
  }

  cancel(ref: JobRef): Promise<void> {
    return withFailures(async () => {
      await this.#creating.get(ref.name)?.catch(() => undefined);
      const identity = readIdentity(ref.uid);
      if (identity === undefined && ref.uid !== '') return;
      const of = { uid: identity?.uid, lostAfterMs: limitsOf(this.#options).lostAfterMs };
      const namespaces = identity ? [identity.namespace] : namespacesOf(this.#options);
      await Promise.all(
        namespaces.map((namespace) => cancelJob(this.#api, { namespace, name: ref.name }, of)),
      );
      this.#looks.forgetName(ref.name);
    });
  }

  logs(ref: JobRef, tailBytes: number): Promise<string> {
    return withFailures(async () => {
      const job = await this.#find(ref);
      if (job === undefined) return '';
      const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
      const [pod] = podsOfJob(await this.#api.podsOf({ namespace, name }), uid);
      if (pod !== undefined) return readLog(this.#api, { namespace, pod }, tailBytes);
      const end = readEnd(job);
      return lastBytes(end?.ended === 'failed' ? end.failure.logTail : '', tailBytes);
    });
  }

  list(): Promise<KeptJob[]> {
    return withFailures(async () => {
      const kept: KeptJob[] = [];
      for (const namespace of namespacesOf(this.#options))
        for await (const job of this.#api.list(namespace)) kept.push(...keptJob(job));
      return kept;
    });
  }

  examine(): Promise<Examined[]> {
    return examineNamespaces(this.#examining, this.#options);
  }

  async close(): Promise<void> {
    this.#hints.close();
    await this.#credentials.close();
  }

  async #createOrAdopt(
    spec: JobSpec,
    seen: JobIdentity | undefined,
  ): Promise<Pick<JobRef, 'uid' | 'placement'>> {
    // Where it was seen, whatever the target's namespaces are by now.
    const { namespace } = seen ?? placeOf(spec, this.#options);
    const job: Named = { namespace, name: spec.name };
    for (const until = performance.now() + MAKE_ROOM_MS; ;) {
      const found = await this.#api.read(job);
      if (found === undefined && seen !== undefined) return { uid: sayIdentity(seen) };
      const made = found ?? (await this.#create(namespace, spec));
      if (made !== undefined && made.metadata?.deletionTimestamp === undefined)
        return adopted(made, spec);
      if (performance.now() >= until) throw inTheWay(job);
      await sleep(PAUSE_MS);
    }
  }

  #create(namespace: string, spec: JobSpec): Promise<V1Job | undefined> {
    return this.#api.create(namespace, manifestOf(spec, this.#options, Date.now()));
  }

  /** The Job of the ref, unless another was created under its name since. No uid: whatever Job has the name. */
  async #find({ name, uid }: JobRef): Promise<V1Job | undefined> {
    const identity = readIdentity(uid);
    if (identity !== undefined) {
      const found = await this.#api.read({ namespace: identity.namespace, name });
      return found?.metadata?.uid === identity.uid ? found : undefined;
    }
    if (uid !== '') return undefined;
    for (const namespace of namespacesOf(this.#options)) {
      const found = await this.#api.read({ namespace, name });
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Read from what is there: the marks of the request would only say what was asked for. */
function adopted(job: V1Job, spec: JobSpec): Pick<JobRef, 'uid' | 'placement'> {
  const { metadata } = job;
  const { annotations = {}, uid = '', namespace = '' } = metadata ?? {};
  const { [ANNOTATIONS.owner]: owner = 'nobody known', [ANNOTATIONS.spec]: made } = annotations;
  const digest = specDigest(spec);
  if (owner !== spec.owner)
    throw conflict(spec, owner, `is owned by ${owner}; expected ${spec.owner}`);
  if (made !== digest)
    throw conflict(spec, owner, `has another spec: ${made ?? 'none'}; expected ${digest}`);
  return { uid: sayIdentity({ namespace, uid }), placement: sayPlacement(job) };
}

function keptJob(job: V1Job): KeptJob[] {
  const { name, annotations = {} } = job.metadata ?? {};
  const { [ANNOTATIONS.owner]: owner, [ANNOTATIONS.target]: target } = annotations;
  if (name === undefined || owner === undefined || target === undefined) return [];
  return [{ name, target, owner, state: terminalCondition(job) ? 'ended' : 'active' }];
}

function conflict({ name }: JobSpec, owner: string, why: string): Error {
  const details = { job: name, owner };
  return failure('JobConflict', `job ${name} exists already and ${why}`, { details });
}

function inTheWay({ namespace, name }: Named): Error {
  return failure(
    'ComputeUnavailable',
    `a job ${name} that is being deleted is still in namespace ${namespace}`,
  );
}
