import type { FastifyInstance } from 'fastify';
import { Pool } from 'undici';
import { HostName } from '../../temporal/contracts/route.js';
import { parseInput } from '../parse-input.js';
import { Refusal } from '../refusal.js';
import { exchange, ExchangeError } from '../scoring/exchange.js';
import { headersForHost, single } from '../scoring/headers.js';
import { goneSignal, takeBodiesRaw } from '../scoring/http.js';
import type { MirrorParts } from './mirror.js';

export interface InvokeParts {
  hosts: MirrorParts['hosts'];
  bodyBytes: number;
  replyBytes: number;
  /** As a copy has: a candidate that takes longer could not keep up with a mirror either. */
  timeoutMs: number;
}

/**
 * `POST /admin/hosts/:name/invocations`: what a host answers to a body, whatever routes say: a candidate is tried before it is
 * shown traffic. The answer is the host's own when it has `x-modelyard-host`, and else the gateway's.
 */
export function serveInvokeAdmin(scope: FastifyInstance, parts: InvokeParts): void {
  takeBodiesRaw(scope);
  const path = '/admin/hosts/:name/invocations';
  const { bodyBytes: bodyLimit, replyBytes: replyLimitBytes, timeoutMs } = parts;
  scope.post<{ Params: { name: string } }>(path, { bodyLimit }, async (request, reply) => {
    const name = parseInput(HostName, request.params.name, 'name');
    const serving = servingOf(parts.hosts, name);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const pool = new Pool(serving.origin, { connections: 1 });
    try {
      const headers = { ...headersForHost(request.headers, request.id), 'x-modelyard-shadow': '1' };
      const gone = goneSignal(reply);
      const answer = await exchange(pool, {
        ...{ path: serving.path, headers, body, timeoutMs, replyLimitBytes, gone },
      });
      const type = single(answer.headers, 'content-type') ?? 'application/octet-stream';
      return await reply
        .code(answer.status)
        .header('x-modelyard-host', name)
        .type(type)
        .send(answer.body);
    } catch (error) {
      throw error instanceof ExchangeError ? refusalOf(error, name) : error;
    } finally {
      void pool.destroy();
    }
  });
}

function servingOf(hosts: InvokeParts['hosts'], name: string) {
  const host = hosts.get(name);
  if (!host) throw new Refusal(404, 'HostUnknown', `no host is named '${name}'`);
  if (host.serving) return host.serving;
  throw new Refusal(503, 'HostNotReady', `host '${name}' is not ready; try again in a moment`);
}

function refusalOf({ reason, message }: ExchangeError, name: string): Refusal {
  const status = reason === 'timeout' ? 504 : 502;
  return new Refusal(status, 'HostError', `host '${name}': ${message}`);
}
