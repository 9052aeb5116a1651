import type { Pod } from './pod.js';

const KEYED = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** The value of a `fieldRef`, as the downward API gives it. An absent label or annotation is ''. */
export function fieldOf(pod: Pod, path: string): string {
  const [, map, key = ''] = KEYED.exec(path) ?? [];
  if (map === 'labels' || map === 'annotations') return pod.metadata[map]?.[key] ?? '';
  const value = FIELDS[path];
  if (!value) throw new Error(`expected a field of the downward API, got ${path}`);
  return value(pod);
}

const FIELDS: Partial<Record<string, (pod: Pod) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace,
  'metadata.uid': ({ metadata }) => metadata.uid,
  'metadata.labels': ({ metadata }) => linesOf(metadata.labels),
  'metadata.annotations': ({ metadata }) => linesOf(metadata.annotations),
  'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
  'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
  'status.podIP': () => '127.0.0.1',
  'status.hostIP': () => '127.0.0.1',
};

const linesOf = (map: Readonly<Record<string, string>> = {}): string =>
  Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
