import { KubeConfig } from '@kubernetes/client-node';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AgentOptions, RequestOptions } from 'node:https';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import { failure } from '../../../temporal/errors.js';
import { Exec, ExecPlugin, type PluginAnswer } from './exec-plugin.js';
import type { Cluster } from './options.js';

export interface Access {
  /** Without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  /** For answers that go on for minutes. */
  readonly streams: Dispatcher;
  /** What it was made of, where a plugin was asked. */
  readonly answer: PluginAnswer | undefined;
}
type Pools = Pick<Access, 'dispatcher' | 'streams'>;

type Connections = ReturnType<KubeConfig['createDispatcherOptions']>;

/** How long a kubeconfig that was read is believed, so that a rotated certificate is found before it is refused. */
const REREAD_MS = 5 * 60_000;
const CONNECT_MS = 5_000;

interface Config {
  readonly kubeconfig: KubeConfig;
  readonly plugin: ExecPlugin | undefined;
  readonly readAtMs: number;
}

/**
 * Who asks, and the connections to ask over. The client's own way opens a pool and a TLS connection for every request
 * (kubernetes-client/javascript#2893), so only its reading of credentials is used, and pools are kept by what they were made of.
 */
export class Credentials {
  readonly #cluster: Cluster;
  readonly #pools = new Map<string, Pools>();
  #config: Config | undefined;
  /** Outlives a reading of the kubeconfig that names it still. */
  #plugin: { readonly exec: string; readonly plugin: ExecPlugin } | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async access(): Promise<Access> {
    const { kubeconfig: config, plugin } = this.#read();
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw this.#unfit('it names no cluster');
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const answer = await plugin?.answer();
    if (answer?.clientCertificateData !== undefined) options.cert = answer.clientCertificateData;
    if (answer?.clientKeyData !== undefined) options.key = answer.clientKeyData;
    const pools = this.#poolsOf(config.createDispatcherOptions(cluster, options as AgentOptions));
    const bearer = answer?.token !== undefined && { Authorization: `Bearer ${answer.token}` };
    const headers = { ...headersOf(options), ...bearer };
    return { server: cluster.server.replace(/\/$/, ''), headers, ...pools, answer };
  }

  /** What was refused is read anew: a token in a file, a plugin's answer, the file itself. */
  forget({ answer }: Access): void {
    this.#config = undefined;
    if (answer) this.#plugin?.plugin.forget(answer);
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(
      pools.flatMap(({ dispatcher, streams }) => [dispatcher.destroy(), streams.destroy()]),
    );
  }

  #read(): Config {
    const now = Date.now();
    if (this.#config && now - this.#config.readAtMs < REREAD_MS) return this.#config;
    const kubeconfig = new KubeConfig();
    if (this.#cluster === 'in-cluster') kubeconfig.loadFromCluster();
    else this.#readFile(kubeconfig, this.#cluster);
    this.#config = { kubeconfig, plugin: this.#pluginOf(kubeconfig), readAtMs: now };
    return this.#config;
  }

  #readFile(into: KubeConfig, { kubeconfig, context }: Exclude<Cluster, 'in-cluster'>): void {
    try {
      into.loadFromFile(kubeconfig);
    } catch (error) {
      throw this.#unfit(problemOf(error));
    }
    if (context === undefined) return;
    if (into.getContextObject(context) === null)
      throw this.#unfit(`it has no context '${context}'`);
    into.setCurrentContext(context);
  }

  /** Takes the plugin out of the kubeconfig: the client would start it by itself. */
  #pluginOf(config: KubeConfig): ExecPlugin | undefined {
    const user = config.getCurrentUser();
    if (this.#cluster === 'in-cluster' || user?.exec == null) return undefined;
    config.users = config.users.map((each) => (each === user ? { ...each, exec: null } : each));
    const exec = JSON.stringify(user.exec);
    if (this.#plugin?.exec === exec) return this.#plugin.plugin;
    const read = Exec.safeParse(user.exec);
    if (!read.success) throw this.#unfit(`users.${user.name}.exec: ${read.error.message}`);
    const plugin = new ExecPlugin(read.data, this.#cluster.kubeconfig);
    this.#plugin = { exec, plugin };
    return plugin;
  }

  #poolsOf(connections: Connections): Pools {
    const key = createHash('sha256').update(JSON.stringify(connections)).digest('hex');
    const known = this.#pools.get(key);
    if (known) return known;
    // What uses other credentials or another certificate is not used again; calls under way end on it.
    for (const [old, pools] of this.#pools) {
      this.#pools.delete(old);
      void pools.dispatcher.close();
      void pools.streams.destroy();
    }
    const pools = open(connections);
    this.#pools.set(key, pools);
    return pools;
  }

  #unfit(problem: string): Error {
    const what = this.#cluster === 'in-cluster' ? 'in-cluster' : this.#cluster.kubeconfig;
    return failure('Misconfigured', `compute.targets: cluster ${what}: ${problem}`);
  }
}

/** Its first line: below it the parser shows what stands around the mistake, and that may be a token. */
const problemOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1).join('');

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const basic = typeof auth === 'string' && {
    Authorization: `Basic ${Buffer.from(auth).toString('base64')}`,
  };
  const given = Object.entries(headers ?? {}).map(([name, value]) => [name, String(value).trim()]);
  return { ...basic, ...(Object.fromEntries(given) as Record<string, string>) };
}

function open(of: Connections): Pools {
  if (of.type === 'socks') {
    throw failure(
      'Misconfigured',
      'compute.targets: expected a cluster without a SOCKS proxy, or one of http',
    );
  }
  if (of.type === 'proxy') {
    const proxy = (): Dispatcher =>
      new ProxyAgent({ uri: of.uri, requestTls: of.requestTls as buildConnector.BuildOptions });
    return { dispatcher: proxy(), streams: proxy() };
  }
  const tls = of.type === 'agent' ? (of.connect as buildConnector.BuildOptions) : {};
  const connecting = { ...tls, timeout: CONNECT_MS };
  // undici holds the process itself over a connection of HTTP/2, and over one that is used a second time.
  const once = unheld(buildConnector({ ...connecting, allowH2: false }));
  return {
    dispatcher: new Agent({ connect: buildConnector(connecting) }),
    streams: new Agent({ connect: once, pipelining: 0 }),
  };
}

/** Connections that do not keep a process alive which has nothing else to do. */
function unheld(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...made) => {
      made[1]?.unref();
      callback(...made);
    });
  };
}

/** Its file of a pod's token is absent outside a pod, and then the client only says that an open failed. */
export function refuseOutsideCluster(cluster: Cluster): void {
  if (cluster !== 'in-cluster') return;
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  try {
    readFileSync(token);
    if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined) return;
  } catch {
    // Said below.
  }
  throw failure(
    'Misconfigured',
    "compute.targets: cluster 'in-cluster' needs a pod with a service account's token; outside one, name a kubeconfig",
  );
}
