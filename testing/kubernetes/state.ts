import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AUDIT_POLICY } from './audit.js';

/** A control plane's files and ports, before anything runs. */
export interface State {
  directory: string;
  /** By user. */
  tokens: Record<string, string>;
  ports: { etcd: number; peer: number; server: number };
}

export const CONTROLLER_MANAGER = 'system:kube-controller-manager';
export const SCHEDULER = 'system:kube-scheduler';

/** Group by user. RBAC of every cluster knows the two without one by their names. */
const USERS: Record<string, string> = {
  admin: 'system:masters',
  [CONTROLLER_MANAGER]: '',
  [SCHEDULER]: '',
};

export async function prepareState(): Promise<State> {
  const directory = mkdtempSync(join(tmpdir(), 'modelyard-kubernetes-'));
  for (const name of ['certs', 'logs', 'etcd']) mkdirSync(join(directory, name), { mode: 0o700 });
  const write = (name: string, content: string): void => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
  };
  const tokens = Object.fromEntries(
    Object.keys(USERS).map((user) => [user, randomBytes(24).toString('hex')]),
  );
  const rows = Object.entries(USERS).map(
    ([user, group], index) => `${tokens[user] ?? ''},${user},${String(index)},"${group}"\n`,
  );
  write('tokens.csv', rows.join(''));
  write('audit-policy.json', AUDIT_POLICY);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  write('service-accounts.key', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  write('service-accounts.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const [etcd = 0, peer = 0, server = 0] = await freePorts(3);
  return { directory, tokens, ports: { etcd, peer, server } };
}

/** All are held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve, reject) => {
        server.once('listening', resolve).once('error', reject);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
