import type { Observation } from '../../../temporal/contracts/reconcile.js';
import type { FencedRoute, Route } from '../../../temporal/contracts/route.js';
import { digestOf } from '../../../temporal/digest.js';
import { modelId } from '../../../temporal/ids.js';
import { isKept } from './hosts.js';
import { projectionOf } from './projection.js';
import { routeOf } from './route.js';
import type { TagState } from './state.js';

/** One thing that is not as the state means it, with what its repair needs to know. */
export type Difference = { what: string } & (
  | { kind: 'unavailable' }
  | { kind: 'route'; fence: number }
  | { kind: 'registry' }
  | { kind: 'adopted'; version: number }
  | { kind: 'missing-host'; name: string }
  | { kind: 'orphan-host'; name: string }
  | { kind: 'dead-lease'; lease: string }
);

type Shown = Extract<Observation['registry'], { value: unknown }>['value'];
type Alias = keyof Shown['aliases'];

/** What of the observation is not as the state means it. What is being written at this moment is no difference. */
export function differences(state: TagState, seen: Observation, adopt: boolean): Difference[] {
  // Nothing has happened to it yet; a tag that lost its state must not take that for what its stores should hold.
  if (state.seq === 0) return [];
  return [
    ...('value' in seen.route
      ? ofRoute(state, seen.route.value)
      : [unavailable('the route store', seen.route.unavailable)]),
    ...('value' in seen.registry
      ? ofRegistry(state, seen.registry.value, adopt)
      : [unavailable('MLflow', seen.registry.unavailable)]),
    ...('value' in seen.hosts
      ? ofHosts(state, seen.hosts.value)
      : [unavailable('the hosts', seen.hosts.unavailable)]),
    ...(seen.holderClosed ? ofLease(state) : []),
  ];
}

/** Changes with everything that an observation is compared with: two that are the same, and nothing moved in between. */
export const stampOf = (state: TagState): string =>
  digestOf([
    ...[state.seq, state.fence, state.serving, state.intent?.fence ?? null, state.hosts],
    ...[state.projected, projectionOf(state), state.lease?.id ?? null],
  ]);

const unavailable = (store: string, why: string): Difference => ({
  kind: 'unavailable',
  what: `${store} could not be asked: ${why}`,
});

function ofRoute(state: TagState, { fence, route }: FencedRoute): Difference[] {
  const { serving, intent } = state;
  // The repair lane is at it already, and says so in the ledger.
  if (intent !== null || !serving.inSync) return [];
  const meant = routeOf(state);
  if (fence === serving.fence && digestOf(route) === digestOf(meant)) return [];
  const what = `the route in force is ${inWords(route)} under fence ${String(fence)}, expected ${inWords(meant)} under fence ${String(serving.fence)}`;
  return [{ kind: 'route', fence, what }];
}

function inWords({ live, canary, mirror }: Route): string {
  return [
    live?.modelId ?? 'nothing',
    ...(canary ? [`${String(canary.weightPercent)} % to ${canary.modelId}`] : []),
    ...(mirror ? [`a mirror to ${mirror.modelId}`] : []),
  ].join(', ');
}

function ofRegistry(state: TagState, shown: Shown, adopt: boolean): Difference[] {
  const wanted = projectionOf(state);
  // Not written yet, or being written: the projection lane's business, and no sign of another writer.
  if (state.projected !== digestOf(wanted)) return [];
  const moved = (['champion', 'previous', 'challenger'] as const).filter(
    (alias) => shown.aliases[alias] !== wanted.aliases[alias],
  );
  return [
    ...moved.map((alias) => ofAlias(state, { alias, shown, adopt })),
    ...Object.entries(wanted.statuses).flatMap(([version, status]) =>
      ofStatus(modelId(state.tag, Number(version)), status, shown.statuses[version]),
    ),
  ];
}

/** A version that is registered no more has nothing to show. */
function ofStatus(id: string, meant: string, is: string | undefined): Difference[] {
  if (is === undefined || is === meant) return [];
  const what = `${id} has the status '${is}' in MLflow, expected '${meant}'`;
  return [{ kind: 'registry', what }];
}

function ofAlias(state: TagState, of: { alias: Alias; shown: Shown; adopt: boolean }): Difference {
  const { alias, shown, adopt } = of;
  const [is, meant] = [shown.aliases[alias], projectionOf(state).aliases[alias]];
  if (adopt && alias === 'champion' && is !== null && mayBeAdopted(state, shown, is)) {
    const what = `the champion alias was moved in MLflow to ${modelId(state.tag, is)} and is adopted`;
    return { kind: 'adopted', version: is, what };
  }
  const what = `the alias ${alias} is ${inNumber(is)} in MLflow, expected ${inNumber(meant)}`;
  return { kind: 'registry', what };
}

/** A registered version that a rollout can begin with now. A tag that has one in flight is not given another. */
function mayBeAdopted(state: TagState, { statuses }: Shown, version: number): boolean {
  const standing = state.definition !== null && state.retired === null;
  const free = state.lease === null && state.queue === null;
  const frozen = state.frozen !== null || state.platformFrozen !== null;
  const registered = String(version) in statuses && !(String(version) in state.quarantined);
  return standing && free && !frozen && registered;
}

const inNumber = (version: number | null): string =>
  version === null ? 'not there' : String(version);

function ofHosts(state: TagState, names: readonly string[]): Difference[] {
  const there = new Set(names);
  const missing = Object.values(state.hosts).filter(
    (host) => isKept(state, host) && !there.has(host.spec.name),
  );
  return [
    ...missing.map(({ spec: { name, modelId: id } }): Difference => ({
      ...{ kind: 'missing-host', name },
      what: `host ${name} of ${id} is gone`,
    })),
    ...names
      .filter((name) => !(name in state.hosts))
      .map((name): Difference => ({
        ...{ kind: 'orphan-host', name },
        what: `host ${name} is kept for ${state.tag}, which has no use for it`,
      })),
  ];
}

function ofLease({ tag, lease }: TagState): Difference[] {
  if (lease === null) return [];
  const what = `${lease.workflowId} is closed and still holds ${tag} for version ${String(lease.version)}`;
  return [{ kind: 'dead-lease', lease: lease.id, what }];
}
