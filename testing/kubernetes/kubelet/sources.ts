import { refusedWith, type KubernetesApi } from '../api.js';
import { NotYet, type ObjectRef } from './pod.js';

export type SourceKind = 'secrets' | 'configmaps';

/**
 * Reads Secrets and ConfigMaps of a namespace; undefined where there is none.
 *
 * @throws NotYet when the node may not read it yet.
 */
export async function readSource(
  api: KubernetesApi,
  kind: SourceKind,
  { namespace, name }: Pick<ObjectRef, 'name'> & { namespace: string },
): Promise<Record<string, string> | undefined> {
  try {
    const path = `/api/v1/namespaces/${namespace}/${kind}/${name}`;
    const { data = {} } = await api.get<{ data?: Record<string, string> }>(path);
    return kind === 'configmaps' ? data : decoded(data);
  } catch (error) {
    if (refusedWith(error, 404)) return undefined;
    // A node may read what its pods name, and the apiserver learns of a new pod a moment later.
    if (refusedWith(error, 403)) throw new NotYet('CreateContainerConfigError', String(error));
    throw error;
  }
}

const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
