import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from '../api.js';
import { timeOf } from './container-state.js';

/** The Node that a kubelet stands for. */
export interface NodeSettings {
  name: string;
  capacity: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  taints: readonly { key: string; value?: string; effect: string }[];
  logPort: number;
  /** Since when it is ready. */
  since: Date;
}

const HEARTBEAT_MS = 1_000;
const STATUS_EVERY = 3;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const LOOK_EVERY_MS = 50;
const ATTEMPTS = 400;

/** Makes the Node; resolves when the scheduler may put pods there. */
export async function registerNode(api: KubernetesApi, settings: NodeSettings): Promise<void> {
  const { name, taints } = settings;
  const system = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' };
  const labels = { ...system, 'kubernetes.io/arch': 'amd64', ...settings.labels };
  await api.post('/api/v1/nodes', { metadata: { name, labels }, spec: { taints } });
  await api.post(LEASES, { metadata: { name, namespace: 'kube-node-lease' }, spec: leaseOf(name) });
  await sayReady(api, settings);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { spec } = await api.get<{ spec: Partial<NodeSettings> }>(`/api/v1/nodes/${name}`);
    if (!spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready')) return;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`expected node ${name} to be ready; the controller manager says when it is`);
}

/** Says every second that the node is there, and every few that it is ready, until `stopped`. */
export async function beat(
  api: KubernetesApi,
  settings: NodeSettings,
  stopped: AbortSignal,
): Promise<void> {
  const { name } = settings;
  for (let count = 1; !stopped.aborted; count += 1) {
    await api
      .patch(`${LEASES}/${name}`, { spec: leaseOf(name) })
      .then(() => (count % STATUS_EVERY === 0 ? sayReady(api, settings) : undefined))
      // A server that is away is told at the next beat.
      .catch(() => undefined);
    await delay(HEARTBEAT_MS, undefined, { signal: stopped }).catch(() => undefined);
  }
}

const sayReady = (api: KubernetesApi, settings: NodeSettings): Promise<void> =>
  api.patch(
    `/api/v1/nodes/${settings.name}/status`,
    { status: statusOf(settings) },
    'strategic-merge',
  );

const leaseOf = (name: string) => ({
  holderIdentity: name,
  leaseDurationSeconds: 40,
  // Taken with six decimals only.
  renewTime: new Date().toISOString().replace('Z', '000Z'),
});

function statusOf({ name, capacity, logPort, since }: NodeSettings) {
  const condition = (type: string, status: string) => ({
    type,
    status,
    reason: type === 'Ready' ? 'KubeletReady' : 'KubeletHasEnough',
    lastHeartbeatTime: timeOf(new Date()),
    lastTransitionTime: timeOf(since),
  });
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: logPort } },
    conditions: [
      condition('Ready', 'True'),
      ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => condition(type, 'False')),
    ],
  };
}
