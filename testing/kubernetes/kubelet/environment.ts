import type { KubernetesApi } from '../api.js';
import { fieldOf } from './downward.js';
import { expanded, localised, type Mounts } from './expansion.js';
import { NotYet, type Container, type EnvVar, type ObjectRef, type Pod } from './pod.js';
import { readSource, type SourceKind } from './sources.js';

/**
 * The variables that a container's `envFrom` and `env` give it.
 *
 * @throws NotYet when a Secret or ConfigMap is not there, or lacks the key.
 */
export async function environmentOf(
  api: KubernetesApi,
  { pod, container, mounts }: { pod: Pod; container: Container; mounts: Mounts },
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const sourceOf = sourcesOf(api, pod.metadata.namespace);
  for (const { prefix = '', secretRef, configMapRef } of container.envFrom ?? []) {
    const all = secretRef
      ? await sourceOf('secrets', secretRef)
      : configMapRef && (await sourceOf('configmaps', configMapRef));
    for (const [key, value] of Object.entries(all ?? {})) values[`${prefix}${key}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await referred(pod, variable, sourceOf)
      : localised(expanded(variable.value ?? '', values), mounts);
    if (value !== undefined) values[variable.name] = value;
  }
  return values;
}

type SourceOf = (
  kind: SourceKind,
  ref: ObjectRef,
) => Promise<Readonly<Record<string, string>> | undefined>;

const sourcesOf =
  (api: KubernetesApi, namespace: string): SourceOf =>
  async (kind, { name, optional = false }) => {
    const data = await readSource(api, kind, { namespace, name });
    if (!data && !optional)
      throw new NotYet('CreateContainerConfigError', `${kind.slice(0, -1)} "${name}" not found`);
    return data;
  };

async function referred(
  pod: Pod,
  { name, valueFrom = {} }: EnvVar,
  sourceOf: SourceOf,
): Promise<string | undefined> {
  const { fieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef) return fieldOf(pod, fieldRef.fieldPath);
  const ref = secretKeyRef ?? configMapKeyRef;
  if (!ref) throw new Error(`expected ${name} to come from a field, a Secret or a ConfigMap`);
  const value = (await sourceOf(secretKeyRef ? 'secrets' : 'configmaps', ref))?.[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  throw new NotYet(
    'CreateContainerConfigError',
    `couldn't find key ${ref.key} in ${secretKeyRef ? 'Secret' : 'ConfigMap'} ${pod.metadata.namespace}/${ref.name}`,
  );
}
