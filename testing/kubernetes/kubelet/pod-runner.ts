import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerLog } from './container-log.js';
import type { ContainerRun } from './container-run.js';
import { createContainerSet } from './container-set.js';
import { makeContainer, pullRefused } from './container-start.js';
import type { PodFault, PodStrike } from './faults.js';
import type { NodeContext } from './node-context.js';
import { createPodEnding, EVICTED, overdue } from './pod-ending.js';
import { NotYet, type Container, type Pod } from './pod.js';
import { statusOf } from './pod-status.js';
import { timeOf } from './container-state.js';
import { createStatusWriter, removeObject } from './status-writer.js';

/** One pod on the node, from its arrival until its object is gone. */
export interface PodRunner {
  readonly pod: Pod;
  readonly running: boolean;
  logOf: (container: string) => ContainerLog | undefined;
  /** Its object was deleted: programs are ended, then it goes. May be called again. */
  remove: (graceSeconds: number) => void;
  strike: (fault: PodStrike) => void;
  /** Kills its programs at once, and waits for them. */
  kill: () => Promise<void>;
}

const TRY_AGAIN_MS = 500;

export function runPod(node: NodeContext, pod: Pod, fault: PodFault | undefined): PodRunner {
  const arrivedAt = Date.now();
  const startedAt = pod.status?.startTime ?? timeOf(new Date());
  const containers = createContainerSet();
  const ending = createPodEnding(containers.live);
  let over = false;
  const writer = createStatusWriter(node, pod, () =>
    statusOf({ pod, startedAt, states: containers.states, over, end: ending.how }),
  );
  const strike = ({ kind }: PodStrike): void =>
    kind === 'evict' ? ending.by(EVICTED) : containers.live().forEach((run) => run.oomKill());

  /** Tries until the container is made; undefined when the pod is to end before. */
  const made = async (container: Container, gpus: number[]): Promise<ContainerRun | undefined> => {
    while (!ending.signal.aborted) {
      try {
        if (pullFails(fault, Date.now() - arrivedAt)) throw pullRefused(container.image);
        const twice = fault?.kind === 'run-twice';
        return await makeContainer(node, { pod, container, gpus, twice });
      } catch (error) {
        if (!(error instanceof NotYet)) node.report(`${pod.metadata.name}: ${String(error)}`);
        containers.waits(container.name, error);
        await writer.write();
        await delay(TRY_AGAIN_MS, undefined, { signal: ending.signal }).catch(() => undefined);
      }
    }
    return undefined;
  };
  const runContainer = async (container: Container, gpus: number[]): Promise<boolean> => {
    const run = await made(container, gpus);
    if (!run) return false;
    const ended = containers.runs(container.name, run);
    // The pod was ended while its container was being made.
    if (ending.signal.aborted) run.signal('SIGKILL');
    if (fault?.kind === 'oom-kill' || fault?.kind === 'evict')
      ending.later(fault.afterMs ?? 0, () => strike(fault));
    void writer.write();
    return (await ended).exitCode === 0;
  };
  const runAll = async (): Promise<void> => {
    const { activeDeadlineSeconds: limit, initContainers = [] } = pod.spec;
    await writer.write();
    if (limit !== undefined) ending.later(limit * 1_000, () => ending.by(overdue(pod)));
    const gpus = node.gpus.take(pod);
    let ready = true;
    for (const container of initContainers) ready &&= await runContainer(container, gpus);
    if (ready) await Promise.all(pod.spec.containers.map((each) => runContainer(each, gpus)));
    over = true;
    ending.settle();
    node.gpus.giveBack(pod);
    await writer.write();
  };
  const done = runAll();
  let removing: Promise<void> | undefined;
  return {
    pod,
    get running() {
      return containers.live().length > 0;
    },
    logOf: containers.logOf,
    remove: (graceSeconds) => {
      ending.by({ graceSeconds });
      removing ??= done.then(() => removeObject(node, pod));
    },
    strike,
    kill: async () => {
      ending.by({ graceSeconds: 0 });
      await done;
      await rm(join(node.directory, pod.metadata.uid), { recursive: true, force: true });
    },
  };
}

const pullFails = (fault: PodFault | undefined, afterMs: number): boolean =>
  fault?.kind === 'image-pull' && afterMs < (fault.forMs ?? Infinity);
