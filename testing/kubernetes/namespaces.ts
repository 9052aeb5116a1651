import { setTimeout as delay } from 'node:timers/promises';
import { refusedWith, type KubernetesApi } from './api.js';

const LOOK_EVERY_MS = 25;
const ATTEMPTS = 800;

/** Makes a namespace that takes pods: they are refused until it has its default ServiceAccount. */
export async function createNamespace(
  api: KubernetesApi,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await api.post('/api/v1/namespaces', { metadata: { name, labels } });
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await takesPods(api, name)) return;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(
    `expected namespace ${name} to get its default ServiceAccount; the controller manager makes it`,
  );
}

export async function takesPods(api: KubernetesApi, namespace: string): Promise<boolean> {
  try {
    await api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`);
    return true;
  } catch (error) {
    if (refusedWith(error, 404)) return false;
    throw error;
  }
}
