import type { Compute } from '../activities/compute/port.js';
import type { Hosting } from '../activities/hosting/port.js';
import { failure } from '../temporal/errors.js';

/** What a definition that names no target means. */
const UNNAMED = 'default';

/** One port over all configured targets: each job says which it is for. */
export function computeTargets(fallback: string, targets: Map<string, Compute>): Compute {
  const of = (target: string): Compute => pick('compute', { fallback, targets, target });
  return {
    ensure: (job, seen) => of(job.target).ensure(job, seen),
    observe: (ref) => of(ref.target).observe(ref),
    cancel: (ref) => of(ref.target).cancel(ref),
    async list() {
      return (await Promise.all([...targets.values()].map((compute) => compute.list()))).flat();
    },
    logs: (ref, tailBytes) => of(ref.target).logs(ref, tailBytes),
    async examine() {
      const each = [...targets].map(async ([name, compute]) =>
        (await compute.examine()).map((found) => ({ ...found, what: `${name} ${found.what}` })),
      );
      return (await Promise.all(each)).flat();
    },
  };
}

/** Hosts are asked for by name alone, and names are the same for every target, so all are asked. */
export function hostingTargets(fallback: string, targets: Map<string, Hosting>): Hosting {
  const all = [...targets.values()];
  return {
    ensure: (host) => pick('hosting', { fallback, targets, target: host.target }).ensure(host),
    async observe(name) {
      const seen = await Promise.all(all.map((hosting) => hosting.observe(name)));
      return (
        seen.find(({ phase }) => phase !== 'gone') ?? {
          phase: 'gone',
          digest: null,
          detail: 'no target has it',
        }
      );
    },
    async retire(name) {
      await Promise.all(all.map((hosting) => hosting.retire(name)));
    },
    async list() {
      return (await Promise.all(all.map((hosting) => hosting.list()))).flat();
    },
  };
}

/** What stands for the one target that routes tags' traffic: the port that writes routes, or one that reads what it saw. */
export function routingTarget<Port>(fallback: string, targets: Map<string, Port>): Port {
  return pick('routing', { fallback, targets, target: UNNAMED });
}

function pick<Port>(
  what: string,
  of: { fallback: string; targets: Map<string, Port>; target: string },
): Port {
  const port = of.targets.get(of.target === UNNAMED ? of.fallback : of.target);
  if (port) return port;
  throw failure(
    'Misconfigured',
    `expected ${what}.targets to have '${of.target}', which a definition names; it has ${[...of.targets.keys()].join(', ')}`,
  );
}
