import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createFaultPlan, type FaultPlan } from './plan.js';
import type { FaultProxy } from './proxy.js';
import { millisecondsOf, newSeed } from './random.js';
import { createSpells, type Spells } from './spells.js';
import { createConnection, type Connection } from './tcp-connection.js';
import { createConnections, type Connections } from './tcp-connections.js';
import type { TcpFault, TcpStrike } from './tcp-faults.js';
import { listen, type Listener } from './tcp-listener.js';

/**
 * A proxy before any TCP server. Its lines are `"connect <n>"` for the n-th connection since the start, `"send <n>"` for
 * each chunk from its client and `"receive <n>"` for each from the server. TCP cuts its stream into chunks as it likes, so
 * only storms over `connect` lines decide the same again.
 */
export interface TcpFaultProxy extends FaultProxy<TcpFault> {
  readonly host: string;
  /** Stays the same through refusals. */
  readonly port: number;
  /** `host:port`: what clients call instead of the server. */
  readonly address: string;
  /**
   * Meets every open connection now, and a black hole those too that come while it lasts. A refusal with a reset is a
   * server that is down. Logged with the line `"strike"`.
   */
  strike(fault: TcpStrike): void;
}

/**
 * Starts a proxy that delays, resets, swallows and refuses connections, for gRPC and any other protocol.
 *
 * ```ts
 * await using proxy = await startTcpFaultProxy({ host: '127.0.0.1', port: 7233 });
 * const connection = await Connection.connect({ address: proxy.address });
 * proxy.inject(/^(send|receive)/, { kind: 'latency', ms: [5, 50] }, Infinity);
 * proxy.strike({ kind: 'black-hole', forMs: 20_000 });
 * ```
 */
export async function startTcpFaultProxy(
  target: { host: string; port: number },
  { seed = newSeed() }: { seed?: number } = {},
): Promise<TcpFaultProxy> {
  const plan = createFaultPlan<TcpFault>(seed);
  const seen: string[] = [];
  const connections = createConnections();
  const spells = createSpells();
  const stopping = new AbortController();
  const listener = await listen((client) => {
    const connection = createConnection(client, connect({ ...target, allowHalfOpen: true }));
    connections.add(connection);
    begin(connection).catch(connection.reset);
  });
  const network: Network = { plan, seen, spells, listener, stopped: stopping.signal };
  let count = 0;
  const begin = async (connection: Connection): Promise<void> => {
    const name = String((count += 1));
    await arrive(network, connection, `connect ${name}`);
    connection.relay((direction) => arrive(network, connection, `${direction} ${name}`));
  };

  let stopped: Promise<unknown> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    await (stopped ??= stopAll(network, connections));
  };
  return {
    host: '127.0.0.1',
    port: listener.port,
    address: `127.0.0.1:${String(listener.port)}`,
    seed,
    seen,
    injected: plan.injected,
    inject: plan.inject,
    storm: plan.storm,
    strike: (fault) => {
      plan.injected.push({ line: 'strike', fault });
      meet(network, connections, fault);
    },
    calm: () => {
      plan.calm();
      spells.endAll();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Network {
  plan: FaultPlan<TcpFault>;
  seen: string[];
  spells: Spells;
  listener: Listener;
  stopped: AbortSignal;
}

/** Resolves when the line has met its fault, if any, and may go on. */
async function arrive(network: Network, connection: Connection, line: string): Promise<void> {
  network.seen.push(line);
  const decision = network.plan.decide(line);
  if (!decision) return;
  const { fault, chance } = decision;
  if (fault.kind === 'latency') {
    await delay(millisecondsOf(fault.ms, chance), undefined, { signal: network.stopped });
    return;
  }
  meet(network, connection, fault);
  if (fault.kind === 'refuse' && line.startsWith('connect ')) connection.reset();
}

function meet(
  { spells, listener }: Network,
  victim: Pick<Connection, 'reset' | 'swallow'>,
  fault: TcpStrike,
): void {
  switch (fault.kind) {
    case 'reset':
      victim.reset();
      return;
    case 'black-hole':
      spells.begin(victim.swallow(), fault.forMs);
      return;
    case 'refuse':
      spells.begin(listener.refuse(), fault.forMs);
  }
}

function stopAll({ spells, listener }: Network, connections: Connections): Promise<unknown> {
  // The listener first: what ends now must not open it again.
  const closed = listener.stop();
  spells.endAll();
  connections.reset();
  return Promise.all([closed, connections.closed()]);
}
