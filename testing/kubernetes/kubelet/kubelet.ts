import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFaultPlan } from '../../fault-proxy/plan.js';
import type { Injection, Storm } from '../../fault-proxy/proxy.js';
import { newSeed } from '../../fault-proxy/random.js';
import { createApi, type Access } from '../api.js';
import { startWatchdog } from '../watchdog.js';
import type { PodFault, PodStrike } from './faults.js';
import { createGpuShelf } from './gpus.js';
import { startLogServer } from './log-server.js';
import { createMemoryWatch } from './memory.js';
import type { NodeContext } from './node-context.js';
import { beat, registerNode, type NodeSettings } from './node-object.js';
import { isEnded, nameOf, type Images, type Pod } from './pod.js';
import { runPod, type PodRunner } from './pod-runner.js';
import { watchPods, type PodEvents } from './pod-watch.js';
import { quantityOf } from './quantity.js';

export interface KubeletOptions extends Partial<Omit<NodeSettings, 'logPort' | 'since'>> {
  /** What is run for each name of an image. A name that is not among them cannot be pulled. */
  images: Images;
  /** Variables that every program gets, below those of its image and its container. */
  env?: Readonly<Record<string, string>>;
  /** Decides what a storm leaves open. */
  seed?: number;
  /** Told what goes wrong that no pod's status says. */
  report?: (line: string) => void;
}

/**
 * A node that runs containers as processes of this machine. It has no images, mounts, isolation, probes or restarts: a
 * name of an image stands for a command, and the paths of a container's mounts are replaced by folders in what the pod
 * says to its program. Its programs end when this process does, in whatever way.
 *
 * Faults meet pods by `<namespace>/<pod name>`; a Job's pods have its name with a suffix.
 */
export interface ProcessKubelet extends AsyncDisposable {
  readonly node: string;
  readonly seed: number;
  /** Every fault that was met, in order; not those of `strike`. */
  readonly injected: readonly Injection<PodFault>[];
  /** The next `times` pods (1 when absent) that match and come to the node meet the fault. */
  inject: (match: RegExp, fault: PodFault, times?: number) => void;
  /** From now on each pod that comes meets one of the faults by chance, until `calm()`. */
  storm: (storm: Storm<PodFault>) => void;
  calm: () => void;
  /**
   * Meets every pod that matches and runs now.
   *
   * @throws RangeError when there is none.
   */
  strike: (match: RegExp, fault: PodStrike) => void;
  /** Pods whose programs run now. */
  running: () => string[];
  /** The node is cut off for ever: no heartbeat, no status, and its programs are killed. */
  lose: () => Promise<void>;
  /** Ends its programs and its log server, and leaves the Node to the control plane. May be called again. */
  stop: () => Promise<void>;
}

const CAPACITY = { cpu: '4', memory: '8Gi', pods: '110', 'nvidia.com/gpu': '2' };

export interface Placement {
  /** Of somebody who may act as a node. */
  access: Access;
  /** What its log server shows. */
  tls: { cert: string; key: string };
}

export async function startProcessKubelet(
  { access, tls }: Placement,
  options: KubeletOptions,
): Promise<ProcessKubelet> {
  const { name = 'node-1', labels = {}, taints = [], seed = newSeed(), report } = options;
  const capacity = { ...CAPACITY, ...options.capacity };
  const directory = mkdtempSync(join(tmpdir(), `modelyard-kubelet-${name}-`));
  const gone = new AbortController();
  const watchdog = startWatchdog(directory);
  const as = { user: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
  const context: NodeContext = {
    api: createApi({ ...access, as }),
    directory,
    images: options.images,
    env: options.env ?? {},
    gpus: createGpuShelf(quantityOf(capacity['nvidia.com/gpu'])),
    memory: createMemoryWatch(),
    watchdog,
    gone: gone.signal,
    report: report ?? (() => undefined),
  };
  const plan = createFaultPlan<PodFault>(seed);
  const pods = new Map<string, PodRunner>();
  const ofName = (pod: string) => [...pods.values()].find((runner) => nameOf(runner.pod) === pod);
  const server = await startLogServer(tls, ({ namespace, pod, name: container }) =>
    ofName(`${namespace}/${pod}`)?.logOf(container),
  );
  const events = podEvents(pods, (pod) => runPod(context, pod, plan.decide(nameOf(pod))?.fault));
  const settings = { name, capacity, labels, taints, logPort: server.port, since: new Date() };
  await registerNode(context.api, settings);
  const loops = [
    beat(context.api, settings, gone.signal),
    watchPods(context.api, name, { events, stopped: gone.signal }),
  ];

  const lose = async (): Promise<void> => {
    gone.abort();
    await Promise.all([...loops, ...[...pods.values()].map((runner) => runner.kill())]);
  };
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    await lose();
    context.api.close();
    await Promise.all([server.stop(), watchdog.stop()]);
    await rm(directory, { recursive: true, force: true });
  };
  const stop = (): Promise<void> => (stopped ??= stopAll());
  return {
    node: name,
    seed,
    injected: plan.injected,
    inject: plan.inject,
    storm: plan.storm,
    calm: plan.calm,
    strike: (match, fault) => {
      const met = [...pods.values()].filter(
        ({ running, pod }) => running && nameOf(pod).search(match) !== -1,
      );
      if (met.length === 0)
        throw new RangeError(`expected a running pod that matches ${String(match)}, got none`);
      for (const runner of met) runner.strike(fault);
    },
    running: () => [...pods.values()].flatMap(({ running, pod }) => (running ? [nameOf(pod)] : [])),
    lose,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Keeps a runner for each pod that came and is still there. */
function podEvents(pods: Map<string, PodRunner>, run: (pod: Pod) => PodRunner): PodEvents {
  const forget = (uid: string): void => {
    void pods.get(uid)?.kill();
    pods.delete(uid);
  };
  return {
    seen: (pod) => {
      const { uid, deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
      let runner = pods.get(uid);
      // One that ended before it was ever seen is of a node of the same name.
      if (!runner && isEnded(pod) && deletionTimestamp === undefined) return;
      if (!runner) pods.set(uid, (runner = run(pod)));
      if (deletionTimestamp !== undefined) runner.remove(deletionGracePeriodSeconds);
    },
    only: (uids) => {
      for (const uid of pods.keys()) if (!uids.has(uid)) forget(uid);
    },
    gone: ({ metadata: { uid } }) => forget(uid),
  };
}
