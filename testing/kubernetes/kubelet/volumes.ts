import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KubernetesApi } from '../api.js';
import { fieldOf } from './downward.js';
import type { Mounts } from './expansion.js';
import { NotYet, type Container, type Pod, type Volume } from './pod.js';
import { readSource, type SourceKind } from './sources.js';

/**
 * Makes each volume of a pod a folder below `directory`.
 *
 * @throws NotYet when a Secret or ConfigMap is not there.
 */
export async function makeVolumes(
  api: KubernetesApi,
  pod: Pod,
  directory: string,
): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const volume of pod.spec.volumes ?? []) {
    const folder = join(directory, volume.name);
    await mkdir(folder, { recursive: true });
    for (const [path, content] of Object.entries(await filesOf(api, pod, volume))) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    folders.set(volume.name, folder);
  }
  return folders;
}

/** Where a container's paths are: its mounts, and its termination message. */
export function mountsOf(
  { volumeMounts = [], terminationMessagePath = '/dev/termination-log' }: Container,
  volumes: ReadonlyMap<string, string>,
  terminationLog: string,
): Mounts {
  const mounts = new Map([[terminationMessagePath, terminationLog]]);
  for (const { name, mountPath, subPath = '' } of volumeMounts) {
    const folder = volumes.get(name);
    if (folder !== undefined) mounts.set(mountPath.replace(/\/$/, ''), join(folder, subPath));
  }
  return mounts;
}

/** Content by path. */
async function filesOf(
  api: KubernetesApi,
  pod: Pod,
  { name, emptyDir, downwardAPI, secret, configMap, projected }: Volume,
): Promise<Record<string, string>> {
  if (emptyDir || projected) return {};
  if (downwardAPI)
    return Object.fromEntries(
      (downwardAPI.items ?? []).map(({ path, fieldRef }) => [
        path,
        fieldOf(pod, fieldRef?.fieldPath ?? ''),
      ]),
    );
  const source = secret ? { ...secret, name: secret.secretName } : configMap;
  if (!source) throw new NotYet('CreateContainerConfigError', `volume ${name} is of no known kind`);
  const kind: SourceKind = secret ? 'secrets' : 'configmaps';
  const data = await readSource(api, kind, {
    namespace: pod.metadata.namespace,
    name: source.name,
  });
  if (!data && source.optional !== true)
    // What a volume lacks is told in an event only, not in the container's reason.
    throw new NotYet('ContainerCreating', `${kind.slice(0, -1)} "${source.name}" not found`);
  return source.items ? picked(data ?? {}, source.items) : (data ?? {});
}

const picked = (
  data: Readonly<Record<string, string>>,
  items: readonly { key: string; path: string }[],
): Record<string, string> =>
  Object.fromEntries(items.map(({ key, path }) => [path, data[key] ?? '']));
