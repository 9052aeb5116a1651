import type { Access } from './api.js';

/** A kubeconfig for `access`, in JSON, which is YAML too: kubectl and every client read it. */
export function kubeconfigOf(
  { server, ca, token }: Access,
  { user = 'admin', namespace = 'default' }: { user?: string; namespace?: string } = {},
): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user, namespace } }],
  });
}
