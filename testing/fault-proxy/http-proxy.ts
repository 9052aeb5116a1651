import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHeldRequests } from './held-requests.js';
import { exchangeOf, type Upstream } from './http-exchange.js';
import type { HttpFault } from './http-faults.js';
import { createPastAnswers } from './past-answers.js';
import { createFaultPlan, type Applies } from './plan.js';
import type { FaultProxy } from './proxy.js';
import { newSeed } from './random.js';

/** A proxy before an HTTP server. Its lines are `"METHOD /path?query"`. */
export interface HttpFaultProxy extends FaultProxy<HttpFault> {
  /** Where clients find it, such as `http://127.0.0.1:41234`: what they call instead of the server. */
  readonly url: string;
}

/**
 * Starts a proxy that loses, repeats, delays and garbles what a test tells it to. Everything else goes through byte for
 * byte: all headers, `Host` and `Authorization` among them, but those of a single hop. Bodies are read as a whole before
 * they go on, so it is not for streams.
 *
 * ```ts
 * await using proxy = await startHttpFaultProxy('http://127.0.0.1:5000', { seed: 7 });
 * proxy.inject(/^POST .*\/runs\/create$/, { kind: 'lose-answer' });
 * proxy.storm({ rate: 0.1, faults: [{ kind: 'reset' }, { kind: 'latency', ms: [10, 200] }] });
 * ```
 *
 * @param target The server's URL; a path in it comes before the path of every request.
 */
export async function startHttpFaultProxy(
  target: string,
  { seed = newSeed() }: { seed?: number } = {},
): Promise<HttpFaultProxy> {
  const plan = createFaultPlan<HttpFault>(seed);
  const seen: string[] = [];
  const stopping = new AbortController();
  const upstream: Upstream = {
    target: new URL(target),
    held: createHeldRequests(),
    past: createPastAnswers(),
    stopped: stopping.signal,
  };
  const server = createServer((request, response) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    seen.push(line);
    const decision = plan.decide(line, applicable(line, upstream));
    exchangeOf(upstream, { line, request, response }, decision).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping.abort();
    upstream.held.releaseAll();
    return (stopped ??= close(server));
  };
  return {
    url: `http://127.0.0.1:${String(port)}`,
    seed,
    seen,
    injected: plan.injected,
    inject: plan.inject,
    storm: plan.storm,
    calm: () => {
      plan.calm();
      upstream.held.releaseAll();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function applicable(line: string, { held, past }: Upstream): Applies<HttpFault> {
  return ({ kind }, match) => {
    if (kind === 'stale-read') return past.of(line) !== undefined;
    return kind !== 'reorder' || !held.holds(match);
  };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
