import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesApi } from './api.js';

/** A rule of a Role, as its manifest writes it. */
export interface RoleRule {
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  verbs: readonly string[];
}

export interface AccountRequest {
  name: string;
  /** Of the account itself. */
  namespace: string;
  rules: readonly RoleRule[];
  /** Where the rules hold; the account's own namespace when absent. */
  in?: readonly string[];
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces';
const LOOK_EVERY_MS = 25;
const ATTEMPTS = 400;

export const userOf = ({ namespace, name }: AccountRequest): string =>
  `system:serviceaccount:${namespace}:${name}`;

/** Makes a ServiceAccount that may do what the rules say, and nothing else. Resolves when it may. */
export async function createServiceAccount(
  api: KubernetesApi,
  account: AccountRequest,
): Promise<void> {
  const { name, namespace, rules, in: namespaces = [namespace] } = account;
  await api.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  for (const each of namespaces) {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    const subjects = [{ kind: 'ServiceAccount', name, namespace }];
    await api.post(`${RBAC}/${each}/roles`, { metadata: { name }, rules });
    await api.post(`${RBAC}/${each}/rolebindings`, { metadata: { name }, roleRef, subjects });
    const [rule] = rules;
    if (rule) await untilAllowed(api, { user: userOf(account), namespace: each, rule });
  }
}

/** A token as a pod would have it. Kubernetes gives none for less than ten minutes. */
export async function requestToken(
  api: KubernetesApi,
  { name, namespace }: AccountRequest,
): Promise<string> {
  const { status } = await api.post<{ status: { token: string } }>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [], expirationSeconds: 3_600 },
    },
  );
  return status.token;
}

interface Expected {
  user: string;
  namespace: string;
  rule: RoleRule;
}

/** The apiserver reads Roles through a watch of its own: a new one holds a moment later. */
async function untilAllowed(api: KubernetesApi, { user, namespace, rule }: Expected) {
  const [resource = '', subresource = ''] = rule.resources?.[0]?.split('/') ?? [];
  const [verb, group = '', name = ''] = [
    rule.verbs[0],
    rule.apiGroups?.[0],
    rule.resourceNames?.[0],
  ];
  const resourceAttributes = { namespace, verb, group, resource, subresource, name };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const review = await api.post<{ status: { allowed: boolean } }>(
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user, resourceAttributes },
      },
    );
    if (review.status.allowed) return;
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`expected ${user} to be allowed what its Role in ${namespace} says`);
}
