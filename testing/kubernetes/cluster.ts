import type { ControlPlane, ControlPlaneOptions } from './control-plane.js';
import { startControlPlane } from './control-plane.js';
import { obtainControlPlane } from './binaries/obtain.js';
import {
  startProcessKubelet,
  type KubeletOptions,
  type ProcessKubelet,
} from './kubelet/kubelet.js';

export interface ClusterOptions extends Partial<ControlPlaneOptions>, KubeletOptions {}

/** A control plane with one node. */
export interface Cluster extends ControlPlane {
  readonly kubelet: ProcessKubelet;
  /** Another node; it is stopped with the cluster. */
  addNode: (options: KubeletOptions & { name: string }) => Promise<ProcessKubelet>;
}

/**
 * Starts a cluster on 127.0.0.1, about five seconds when its programs are there:
 *
 * ```ts
 * await using cluster = await startCluster({ images: { 'registry.test/hello:1': { command: ['echo', 'hello'] } } });
 * await cluster.createNamespace('jobs');
 * ```
 *
 * @throws a SetupError that says in one line why there is no control plane to start.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { report = () => undefined } = options;
  const binaries = options.binaries ?? (await obtainControlPlane({ report }));
  const plane = await startControlPlane({ ...options, binaries });
  const kubelets: ProcessKubelet[] = [];
  const addNode = async (of: KubeletOptions): Promise<ProcessKubelet> => {
    const kubelet = await startProcessKubelet(plane, of);
    kubelets.push(kubelet);
    return kubelet;
  };
  const stop = async (): Promise<void> => {
    // Nodes first: they tell the control plane of their programs' ends.
    await Promise.all(kubelets.map((kubelet) => kubelet.stop()));
    await plane.stop();
  };
  try {
    const kubelet = await addNode(options);
    return { ...plane, kubelet, addNode, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
