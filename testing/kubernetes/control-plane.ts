import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createApi, type Access, type KubernetesApi } from './api.js';
import {
  controllerManagerArguments,
  etcdArguments,
  schedulerArguments,
  serverArguments,
  type Patience,
} from './arguments.js';
import { readAudit, type ApiUse } from './audit.js';
import { createDaemons, type Daemons } from './daemons.js';
import { kubeconfigOf } from './kubeconfig.js';
import { createNamespace, takesPods } from './namespaces.js';
import {
  createServiceAccount,
  requestToken,
  userOf,
  type AccountRequest,
} from './service-account.js';
import { CONTROLLER_MANAGER, prepareState, SCHEDULER, type State } from './state.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

/** Somebody who may use the API. */
export interface Account {
  /** As the audit log names it. */
  readonly user: string;
  /** Where its tokens are taken and the server's certificate. */
  readonly access: Access;
  /** In JSON, with the account's token. */
  readonly kubeconfig: string;
  /** Another token of the account. */
  token: () => Promise<string>;
}

/** A real control plane on 127.0.0.1 with RBAC; its processes end when this process does, in whatever way. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate, which is good for every port of 127.0.0.1. */
  readonly ca: string;
  /** Of an admin who may do everything, in JSON. */
  readonly kubeconfig: string;
  /** As that admin. */
  readonly api: KubernetesApi;
  readonly access: Access;
  /** The server's own, for whoever has to serve HTTPS on 127.0.0.1 too. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** By program, to stop one for a while. */
  readonly pids: Readonly<Record<string, number>>;
  /** Resolves when pods are taken there. */
  createNamespace: (name: string, labels?: Readonly<Record<string, string>>) => Promise<void>;
  /** A ServiceAccount that may do what the rules of a Role say, and nothing else. */
  createAccount: (request: AccountRequest) => Promise<Account>;
  /** What everybody but the control plane, its nodes and admins has asked for until now. */
  audited: () => Promise<ApiUse[]>;
  /** Ends its processes and removes its state. May be called again. */
  stop: () => Promise<void>;
}

export interface ControlPlaneOptions extends Partial<Patience> {
  /** Folder with the four programs, see `obtainControlPlane`. */
  binaries: string;
}

const ATTEMPTS = 3;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // A port that was free may be somebody else's by the time a program binds it.
      if (attempt === ATTEMPTS || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnce({
  binaries,
  nodeGraceSeconds = 6,
  evictAfterSeconds = 2,
}: ControlPlaneOptions): Promise<ControlPlane> {
  const state = await prepareState();
  const watchdog = startWatchdog(state.directory);
  const daemons = createDaemons(binaries, state.directory, watchdog);
  try {
    const access = await startServer(state, daemons, { nodeGraceSeconds, evictAfterSeconds });
    return controlPlane({ state, daemons, watchdog, access });
  } catch (error) {
    await stopAll(state, daemons, watchdog);
    throw error;
  }
}

/** Starts the four programs, each when what it needs is there, and answers how an admin reaches them. */
async function startServer(state: State, daemons: Daemons, patience: Patience): Promise<Access> {
  const { directory, tokens, ports } = state;
  daemons.start('etcd', etcdArguments(state));
  await daemons.until('etcd to be healthy', () =>
    answersOk(`http://127.0.0.1:${String(ports.etcd)}/health`),
  );
  daemons.start('kube-apiserver', serverArguments(state, patience));
  const [cert, key] = ['crt', 'key'].map((end) => join(directory, 'certs', `apiserver.${end}`));
  await daemons.until('the apiserver to write its certificate', () =>
    Promise.resolve(isWhole(cert) && isWhole(key)),
  );
  const server = `https://127.0.0.1:${String(ports.server)}`;
  const ca = readFileSync(cert ?? '', 'utf8');
  const accessOf = (user: string): Access => ({ server, ca, token: tokens[user] ?? '' });
  const admin = createApi(accessOf('admin'));
  const kubeconfig = (user: string): string => {
    const path = join(directory, `${user.replaceAll(':', '-')}.kubeconfig`);
    writeFileSync(path, kubeconfigOf(accessOf(user), { user }), { mode: 0o600 });
    return path;
  };
  try {
    await daemons.until('the apiserver to be ready', async () => {
      await admin.get('/api/v1/namespaces/default');
      return true;
    });
    daemons.start(
      'kube-controller-manager',
      controllerManagerArguments(state, kubeconfig(CONTROLLER_MANAGER), patience),
    );
    daemons.start('kube-scheduler', schedulerArguments(kubeconfig(SCHEDULER)));
    await daemons.until('the default ServiceAccount', () => takesPods(admin, 'default'));
  } finally {
    admin.close();
  }
  return accessOf('admin');
}

interface Started {
  state: State;
  daemons: Daemons;
  watchdog: Watchdog;
  access: Access;
}

function controlPlane({ state, daemons, watchdog, access }: Started): ControlPlane {
  const api = createApi(access);
  const { server, ca } = access;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    api.close();
    await (stopped ??= stopAll(state, daemons, watchdog));
  };
  return {
    server,
    ca,
    access,
    api,
    kubeconfig: kubeconfigOf(access),
    tls: { cert: ca, key: readFileSync(join(state.directory, 'certs', 'apiserver.key'), 'utf8') },
    pids: daemons.pids,
    createNamespace: (name, labels) => createNamespace(api, name, labels),
    createAccount: async (request) => {
      await createServiceAccount(api, request);
      const own = { server, ca, token: await requestToken(api, request) };
      const user = userOf(request);
      return {
        user,
        access: own,
        kubeconfig: kubeconfigOf(own, { user, namespace: request.namespace }),
        token: () => requestToken(api, request),
      };
    },
    audited: () => readAudit(join(state.directory, 'audit.log')),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function stopAll({ directory }: State, daemons: Daemons, watchdog: Watchdog): Promise<void> {
  await daemons.stop();
  await watchdog.stop();
  await rm(directory, { recursive: true, force: true });
}

const answersOk = async (url: string): Promise<boolean> => {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.ok;
};

const isWhole = (pem = ''): boolean =>
  existsSync(pem) && /-----END [A-Z ]+-----\s*$/.test(readFileSync(pem, 'utf8'));
