import {
  BatchV1Api,
  CoreV1Api,
  type CoreV1Event,
  createConfiguration,
  PatchStrategy,
  ServerConfiguration,
  setHeaderOptions,
  type V1Job,
  type V1ObjectMeta,
  type V1Pod,
  wrapHttpLibrary,
} from '@kubernetes/client-node';
import { ApiError } from './api-error.js';
import { LABELS, GOING_SELECTOR } from './marks.js';
import { PREEMPTED } from './preemption.js';
import { IMPATIENCE, PATIENCE, type Patience } from './retry.js';
import { PLACEHOLDER, type Transport } from './transport.js';

/** A Job's documents are long: a page of them is held in memory, not all. */
const PAGE = 100;
const LOG_BYTES = 1024 * 1024;
/** More than there are: a controller writes 25 of one object, then one in five minutes, and they are kept for an hour. */
const EVENTS = 50;

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** The calls that the worker's Role allows, and no other. */
export class Api {
  readonly #jobs: BatchV1Api;
  readonly #pods: CoreV1Api;
  /** For what is only told along. */
  readonly #aside: CoreV1Api;

  constructor(transport: Transport, patience: Patience = PATIENCE) {
    const over = (patience: Patience) =>
      createConfiguration({
        baseServer: new ServerConfiguration(PLACEHOLDER, {}),
        httpApi: wrapHttpLibrary(transport.library(patience)),
      });
    this.#jobs = new BatchV1Api(over(patience));
    this.#pods = new CoreV1Api(over(patience));
    this.#aside = new CoreV1Api(over(IMPATIENCE));
  }

  read(job: Named): Promise<V1Job | undefined> {
    return unless(404, this.#jobs.readNamespacedJob({ ...job }));
  }

  /** Undefined when the name is taken, also by a Job that is being deleted. */
  create(namespace: string, body: V1Job): Promise<V1Job | undefined> {
    return unless(409, this.#jobs.createNamespacedJob({ namespace, body }));
  }

  /** Throws what a create would be refused with, and makes nothing. A name that is taken says that it went as far as that. */
  async tryCreate(namespace: string, body: V1Job): Promise<void> {
    await unless(409, this.#jobs.createNamespacedJob({ namespace, body, dryRun: 'All' }));
  }

  async tryList(namespace: string): Promise<void> {
    await this.#jobs.listNamespacedJob({ namespace, limit: 1 });
  }

  async tryListPods(namespace: string): Promise<void> {
    await this.#pods.listNamespacedPod({ namespace, limit: 1 });
  }

  /** Undefined when the Job changed since `resourceVersion`, or is gone. */
  async change(
    job: Named,
    resourceVersion: string,
    change: {
      metadata: Pick<V1ObjectMeta, 'annotations' | 'labels'>;
      activeDeadlineSeconds?: number;
    },
  ): Promise<V1Job | undefined> {
    const { metadata, activeDeadlineSeconds } = change;
    const body = {
      metadata: { ...metadata, resourceVersion },
      ...(activeDeadlineSeconds !== undefined && { spec: { activeDeadlineSeconds } }),
    };
    const asMerge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    const patched = this.#jobs.patchNamespacedJob({ ...job, body }, asMerge);
    return unless(404, unless(409, patched));
  }

  /**
   * Begins to delete exactly this Job, with its pods, and says whether it was this one still. All of it stands in the body:
   * next to a body the apiserver ignores query parameters, and without a policy it leaves the pods running.
   */
  async delete(
    job: Named,
    preconditions: { uid: string; resourceVersion: string },
  ): Promise<boolean> {
    const body = { propagationPolicy: 'Foreground', preconditions };
    const deleted = this.#jobs.deleteNamespacedJob({ ...job, body });
    return (await unless(404, unless(409, deleted))) !== undefined;
  }

  /** The Jobs whose end nobody has recorded yet. */
  async *list(namespace: string): AsyncIterable<V1Job> {
    let next: string | undefined;
    do {
      const page = await this.#jobs.listNamespacedJob({
        namespace,
        labelSelector: GOING_SELECTOR,
        limit: PAGE,
        ...(next !== undefined && { _continue: next }),
      });
      yield* page.items;
      next = page.metadata?._continue;
    } while (next);
  }

  async podsOf({ namespace, name }: Named): Promise<V1Pod[]> {
    const labelSelector = `${LABELS.jobName}=${name}`;
    return (await this.#pods.listNamespacedPod({ namespace, labelSelector })).items;
  }

  /** The events that say why no pod could be made for the Job; none without the right to list them, or an answer. */
  failedCreates(namespace: string, uid: string): Promise<CoreV1Event[]> {
    return this.#events(namespace, `involvedObject.uid=${uid},reason=FailedCreate`);
  }

  /** The events that say which pods of the namespace had to make room for others; none likewise. */
  preemptions(namespace: string): Promise<CoreV1Event[]> {
    return this.#events(namespace, PREEMPTED);
  }

  #events(namespace: string, fieldSelector: string): Promise<CoreV1Event[]> {
    return this.#aside.listNamespacedEvent({ namespace, fieldSelector, limit: EVENTS }).then(
      ({ items }) => items,
      () => [],
    );
  }

  /** The last lines of what a container printed; '' when it has printed nothing, never ran, or its node does not answer. */
  async tail(pod: Named, container: string, lines: number): Promise<string> {
    // The limit cuts the end off, and the end is what is asked for: then fewer lines are.
    for (const tailLines of [lines, 20, 1]) {
      const text = await this.#aside
        .readNamespacedPodLog({ ...pod, container, tailLines, limitBytes: LOG_BYTES })
        .catch(() => '');
      if (tailLines === 1 || Buffer.byteLength(text) < LOG_BYTES) return text;
    }
    return '';
  }
}

/** Undefined for that one refusal. */
async function unless<T>(status: number, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === status) return undefined;
    throw error;
  }
}
