import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadYaml, type KubernetesObject } from '@kubernetes/client-node';
import type { ApiUse } from '../../testing/kubernetes/audit.js';

export const DEPLOYMENT = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));

interface Kustomization {
  namespace?: string;
  resources: string[];
}

/** The objects of a kustomization: its files and those it names, in its namespace. Names and images stay as written. */
export function built<T extends KubernetesObject>(folder: string): T[] {
  const { namespace, resources } = loadYaml<Kustomization>(
    readFileSync(join(folder, 'kustomization.yaml'), 'utf8'),
  );
  return resources
    .flatMap((name) =>
      name.endsWith('.yaml')
        ? objectsIn<T>(readFileSync(join(folder, name), 'utf8'))
        : built<T>(join(folder, name)),
    )
    .map((object) =>
      namespace === undefined
        ? object
        : { ...object, metadata: Object.assign({}, object.metadata, { namespace }) },
    );
}

/** As they stand: at the top of a document the client leaves out fields it does not know, and renames `from`. */
const objectsIn = <T>(text: string): T[] =>
  text
    .split(/^---$/m)
    .map((document) => loadYaml<{ as: T }>(`as:\n${document.replaceAll(/^/gm, '  ')}`).as);

/** Every manifest file below the folder, for what no kustomization names. */
export const manifestFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml'),
  );

/** What the worker's Role in a job namespace says. */
export function workerRules(namespace: string): Rule[] {
  const [role, ...others] = built<KubernetesObject & { rules: Rule[] }>(DEPLOYMENT).filter(
    ({ kind, metadata }) => kind === 'Role' && metadata?.namespace === namespace,
  );
  if (role === undefined || others.length > 0)
    throw new Error(`expected one Role in ${namespace}, got ${String(others.length)} more or none`);
  return role.rules;
}

/** `verb resource` for every call that it allows. */
export const allowedCalls = (namespace: string): string[] =>
  workerRules(namespace)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => sayCall(verb, group, resource))),
      ),
    )
    .sort();

/** The same of calls that were made, each once. */
export const madeCalls = (uses: readonly ApiUse[]): string[] => {
  const calls = uses.map(({ verb, apiGroup, resource, subresource }) =>
    sayCall(verb, apiGroup, subresource === '' ? resource : `${resource}/${subresource}`),
  );
  return [...new Set(calls)].sort();
};

const sayCall = (verb: string, group: string, resource: string): string =>
  `${verb} ${group === '' ? resource : `${group}/${resource}`}`;

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}
