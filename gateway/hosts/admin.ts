import type { FastifyInstance } from 'fastify';
import { HostName, HostSpec } from '../../temporal/contracts/route.js';
import { parseInput } from '../parse-input.js';
import { Refusal } from '../refusal.js';
import type { RouteStore } from '../routes/store.js';
import type { Supervisor } from './supervisor.js';

/** `/admin/hosts`: the model servers this gateway keeps. */
export function serveHostAdmin(
  scope: FastifyInstance,
  { hosts, routes }: { hosts: Supervisor; routes: RouteStore },
): void {
  scope.get('/admin/hosts', () => ({ hosts: hosts.list() }));
  scope.get<{ Params: { name: string } }>('/admin/hosts/:name', (request) => {
    const name = parseInput(HostName, request.params.name, 'name');
    const host = hosts.get(name);
    if (!host) throw new Refusal(404, 'HostUnknown', `no host is named '${name}'`);
    return host.view();
  });
  scope.put<{ Params: { name: string } }>('/admin/hosts/:name', async (request, reply) => {
    const spec = parseInput(HostSpec, request.body, 'body');
    if (spec.name !== request.params.name) {
      throw new Refusal(
        400,
        'InvalidRequest',
        `expected the spec of '${request.params.name}', got that of '${spec.name}'`,
      );
    }
    const { host, created } = await hosts.ensure(spec);
    return reply.code(created ? 201 : 200).send(host);
  });
  scope.delete<{ Params: { name: string } }>('/admin/hosts/:name', async (request, reply) => {
    const name = parseInput(HostName, request.params.name, 'name');
    await hosts.retire(name, (host) => routes.tagNaming(host));
    return reply.code(204).send();
  });
}
