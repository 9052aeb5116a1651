import { readFile } from 'node:fs/promises';

/** One use of the API, as the apiserver noted it. */
export interface ApiUse {
  user: string;
  verb: string;
  /** '' is the core group. */
  apiGroup: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** HTTP status of the answer. */
  status: number;
}

const CONTROL_PLANE = [
  'system:apiserver',
  'system:kube-controller-manager',
  'system:kube-scheduler',
];
const OPERATORS = ['system:masters', 'system:nodes', 'system:serviceaccounts:kube-system'];

/** Notes who did what to which object, for everybody who is no part of the control plane, and no operator. */
export const AUDIT_POLICY = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // A watch is told when it begins to be answered, everything else when it was.
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: CONTROL_PLANE },
    { level: 'None', userGroups: OPERATORS },
    { level: 'None', nonResourceURLs: ['/*'] },
    { level: 'Metadata' },
  ],
});

interface Event {
  auditID: string;
  verb: string;
  user: { username: string };
  objectRef?: Partial<
    Record<'apiGroup' | 'resource' | 'subresource' | 'namespace' | 'name', string>
  >;
  responseStatus?: { code?: number };
}

/** Reads an audit log; a use is told once, also where its stages are several lines. */
export async function readAudit(path: string): Promise<ApiUse[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const uses = new Map<string, ApiUse>();
  // What stands behind the last line's end is still being written.
  for (const line of text.split('\n').slice(0, -1)) {
    const event = JSON.parse(line) as Event;
    uses.set(event.auditID, useOf(event));
  }
  return [...uses.values()];
}

const useOf = ({ verb, user, objectRef = {}, responseStatus }: Event): ApiUse => ({
  user: user.username,
  verb,
  apiGroup: objectRef.apiGroup ?? '',
  resource: objectRef.resource ?? '',
  subresource: objectRef.subresource ?? '',
  namespace: objectRef.namespace ?? '',
  name: objectRef.name ?? '',
  status: responseStatus?.code ?? 0,
});
