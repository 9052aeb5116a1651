import { z } from 'zod';
import { HostName, HostObservation, type HostSpec } from '../../temporal/contracts/route.js';
import { ModelId } from '../../temporal/contracts/scalars.js';
import { applicationFailure } from '../../temporal/errors.js';
import { GatewayAdmin, type GatewayAdminOptions } from '../routing/gateway-admin.js';
import type { Hosting } from './port.js';

/** The gateway lets requests in flight finish and gives the process its grace time before it answers. */
const RETIRE_TIMEOUT_MS = 45_000;
const HostList = z.object({ hosts: z.array(z.object({ name: HostName, modelId: ModelId })) });
const GONE: HostObservation = {
  phase: 'gone',
  digest: null,
  detail: 'the gateway keeps no host of this name',
};

/** Model servers as processes that the gateway supervises. Fails with GatewayRefused, or GatewayUnavailable when there is no answer. */
export function createProcessHosting(options: GatewayAdminOptions): Hosting {
  const admin = new GatewayAdmin(options);
  const pathOf = (name: string): string => `/admin/hosts/${encodeURIComponent(name)}`;
  return {
    ensure: async (host: HostSpec) => {
      await admin.call({
        method: 'PUT',
        path: pathOf(host.name),
        body: host,
        answer: HostObservation,
      });
    },
    observe: async (name: string) => {
      try {
        return await admin.call({ method: 'GET', path: pathOf(name), answer: HostObservation });
      } catch (error) {
        if (isHostUnknown(error)) return GONE;
        throw error;
      }
    },
    retire: async (name: string) => {
      await admin.call({
        method: 'DELETE',
        path: pathOf(name),
        answer: z.undefined(),
        timeoutMs: RETIRE_TIMEOUT_MS,
      });
    },
    list: async () => {
      const { hosts } = await admin.call({ method: 'GET', path: '/admin/hosts', answer: HostList });
      return hosts;
    },
  };
}

function isHostUnknown(error: unknown): boolean {
  const [details] = (applicationFailure(error)?.details ?? []) as {
    code?: unknown;
    status?: unknown;
  }[];
  return details?.code === 'HostUnknown' && details.status === 404;
}
