import { join } from 'node:path';
import type { State } from './state.js';

/** How soon a control plane gives a node up. Kubernetes' own defaults are minutes. */
export interface Patience {
  /** Without a heartbeat, a node is not ready after this. */
  nodeGraceSeconds: number;
  /** Pods on a node that is not ready are deleted after this. */
  evictAfterSeconds: number;
}

export function etcdArguments({ directory, ports }: State): string[] {
  const [client, peer] = [ports.etcd, ports.peer].map((port) => `http://127.0.0.1:${String(port)}`);
  return options({
    'data-dir': join(directory, 'etcd'),
    name: 'default',
    // The state is thrown away with the processes.
    'unsafe-no-fsync': 'true',
    'log-level': 'warn',
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer ?? ''}`,
  });
}

export function serverArguments({ directory, ports }: State, patience: Patience): string[] {
  const file = (name: string): string => join(directory, name);
  const evictAfter = String(patience.evictAfterSeconds);
  return options({
    'etcd-servers': `http://127.0.0.1:${String(ports.etcd)}`,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(ports.server),
    // Writes a certificate of its own there, with its issuer, so that it serves as the authority too.
    'cert-dir': file('certs'),
    'token-auth-file': file('tokens.csv'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': file('service-accounts.pub'),
    'service-account-signing-key-file': file('service-accounts.key'),
    'service-cluster-ip-range': '10.0.0.0/24',
    // 127.0.0.1 is no address that endpoints may have.
    'endpoint-reconciler-type': 'none',
    'kubelet-preferred-address-types': 'InternalIP',
    'default-not-ready-toleration-seconds': evictAfter,
    'default-unreachable-toleration-seconds': evictAfter,
    'audit-policy-file': file('audit-policy.json'),
    'audit-log-path': file('audit.log'),
    profiling: 'false',
    v: '1',
  });
}

export function controllerManagerArguments(
  { directory }: State,
  kubeconfig: string,
  patience: Patience,
): string[] {
  return options({
    ...clientOptions(kubeconfig),
    // Each controller as itself, with the rights it has in every cluster.
    'use-service-account-credentials': 'true',
    'service-account-private-key-file': join(directory, 'service-accounts.key'),
    'root-ca-file': join(directory, 'certs', 'apiserver.crt'),
    'node-monitor-period': '1s',
    'node-monitor-grace-period': `${String(patience.nodeGraceSeconds)}s`,
  });
}

export const schedulerArguments = (kubeconfig: string): string[] =>
  options(clientOptions(kubeconfig));

const clientOptions = (kubeconfig: string): Record<string, string> => ({
  kubeconfig,
  'leader-elect': 'false',
  'secure-port': '0',
  'kube-api-qps': '200',
  'kube-api-burst': '400',
  v: '1',
});

const options = (values: Record<string, string | undefined>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value ?? ''}`);
