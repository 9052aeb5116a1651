import type { ModelRecord } from '../../../temporal/contracts/model.js';
import type {
  FencedRoute,
  HostSpec,
  Route,
  RouteTarget,
} from '../../../temporal/contracts/route.js';
import { hostName, modelId } from '../../../temporal/ids.js';
import type { HostState, ShadowLease, TagState } from './state.js';

export const DEFAULT_TARGET = 'default';

/** The route a state means. Nobody stores an old route to put back: it is computed from what is so now. */
export function routeOf(state: TagState): Route {
  const { lease, shadow } = state;
  const canary = lease && lease.weightPercent > 0 ? targetOf(state, lease.version) : null;
  return {
    live: state.live === null ? null : targetOf(state, state.live),
    ...(canary && lease && { canary: { ...canary, weightPercent: lease.weightPercent } }),
    ...(shadow && { mirror: mirrorOf(state, shadow) }),
  };
}

/** What the store should answer; null while a write is under way, or its outcome is not known. */
export const meantRoute = (state: TagState): FencedRoute | null =>
  state.intent === null && state.serving.inSync
    ? { tag: state.tag, fence: state.serving.fence, route: routeOf(state) }
    : null;

const mirrorOf = (
  state: TagState,
  { version, samplingPercent, until }: ShadowLease,
): NonNullable<Route['mirror']> => ({ ...targetOf(state, version), samplingPercent, until });

export function routeTo(state: TagState, live: number | null): Route {
  return { live: live === null ? null : targetOf(state, live) };
}

function targetOf(state: TagState, version: number): RouteTarget {
  return { modelId: modelId(state.tag, version), host: hostOf(state, version) };
}

/** Deterministic in model and digest, so that every attempt and every later rollout of a version names the same host. */
export function hostOf(state: TagState, version: number): string {
  const model = state.models[String(version)];
  if (!model)
    throw new Error(
      `expected a record of ${modelId(state.tag, version)}, and the state holds none`,
    );
  return hostName(modelId(state.tag, version), model.digest, kindOf(model));
}

export function hostSpec(state: TagState, model: ModelRecord): HostSpec {
  const id = modelId(state.tag, model.version);
  const kind = kindOf(model);
  return {
    name: hostName(id, model.digest, kind),
    target: model.serving?.target ?? state.definition?.definition.serving?.target ?? DEFAULT_TARGET,
    modelId: id,
    modelUri: model.uri,
    digest: model.digest,
    task: model.task,
    ...(kind === 'shared' && { kind }),
  };
}

/**
 * By what the version was registered under alone, and one registered under nothing is dedicated: were a definition asked
 * that changes later, the live model's host would change its name without a rollout.
 */
const kindOf = ({ serving }: ModelRecord): 'dedicated' | 'shared' => serving?.kind ?? 'dedicated';

/** The state with a host for the version that stays at least until `warmUntil`; a retiring one is wanted again. */
export function withHost(state: TagState, version: number, warmUntil: string | null): TagState {
  const model = state.models[String(version)];
  if (!model) return state;
  const spec = hostSpec(state, model);
  const known = state.hosts[spec.name];
  const host: HostState = {
    // A host that is there keeps its spec, though the definition has changed since: a name has one spec.
    spec: known?.spec ?? spec,
    version,
    ready: known !== undefined && known.ready && !known.retiring,
    retiring: false,
    warmUntil: later(known?.warmUntil ?? null, warmUntil),
    ...(known?.held && { held: known.held }),
  };
  return { ...state, hosts: { ...state.hosts, [spec.name]: host } };
}

const later = (a: string | null, b: string | null): string | null =>
  a === null ? b : b === null ? a : a > b ? a : b;
