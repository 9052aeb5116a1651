import type { HostSpec, Route } from '../../../temporal/contracts/route.js';
import type { HoldHostCommand } from '../../../temporal/contracts/tag.js';
import { parseModelId } from '../../../temporal/ids.js';
import { rulesOf } from './logic.js';
import { hostOf, routeOf, withHost } from './route.js';
import type { HostState, TagState } from './state.js';

/**
 * Hosts that nothing names any more: no route, no intent, no lease, no warm time. None while a write is under way or its
 * outcome is not known: the route in force may be an older one, or one that was given up.
 */
export function retirable(state: TagState, now: string): string[] {
  const isKnown = state.intent === null && state.serving.inSync;
  if (!isKnown && rulesOf(state).hostsOutliveTheirRoutes) return [];
  const named = namedHosts(state);
  return Object.values(state.hosts)
    .filter(({ spec }) => !named.has(spec.name))
    .filter(({ warmUntil, held }) => (warmUntil ?? '') <= now && (held?.until ?? '') <= now)
    .map(({ spec }) => spec.name);
}

/** Hosts that are wanted and not known to be ready: the entity warms them, but a lease's host is its run's to warm. */
export function toWarm(state: TagState): string[] {
  const named = namedHosts(state);
  return Object.values(state.hosts)
    .filter(({ spec, ready, retiring }) => !ready && !retiring && spec.name !== state.lease?.host)
    .filter(({ spec, warmUntil }) => warmUntil !== null || named.has(spec.name))
    .map(({ spec }) => spec.name);
}

/** A host the tag has seen ready and still wants; one that its own run is bringing up is that run's to look after. */
export function isKept(state: TagState, { spec, ready, retiring, warmUntil }: HostState): boolean {
  const wanted = warmUntil !== null || namedHosts(state).has(spec.name);
  return wanted && ready && !retiring && spec.name !== state.lease?.host;
}

/** A host that was seen to be gone is warmed again. */
export function missedHost(state: TagState, name: string): TagState {
  const host = state.hosts[name];
  return host ? { ...state, hosts: { ...state.hosts, [name]: { ...host, ready: false } } } : state;
}

/** The next instant at which a warm time ends; null when none does. */
export function nextWarmEnd(state: TagState, now: string): string | null {
  const named = namedHosts(state);
  const ends = Object.values(state.hosts)
    .filter(({ spec }) => !named.has(spec.name))
    .flatMap(({ warmUntil, held }) => [warmUntil ?? '', held?.until ?? ''])
    .filter((end) => end > now);
  return ends.sort()[0] ?? null;
}

function namedHosts(state: TagState): Set<string> {
  const routes: Route[] = [routeOf(state), ...(state.intent ? [state.intent.route] : [])];
  const names = routes.flatMap(({ live, canary, mirror }) =>
    [live, canary, mirror].map((target) => target?.host),
  );
  return new Set([...names, state.lease?.host].filter((name) => name !== undefined));
}

export function markHost(
  state: TagState,
  name: string,
  mark: 'ready' | 'retiring' | 'gone',
): TagState {
  const host = state.hosts[name];
  if (!host) return state;
  const { [name]: _, ...others } = state.hosts;
  if (mark === 'gone') return host.retiring ? { ...state, hosts: others } : state;
  const marked =
    mark === 'ready' ? { ...host, ready: true } : { ...host, retiring: true, ready: false };
  return { ...state, hosts: { ...others, [name]: marked } };
}

/** The host of a version for a run that brings it up by itself: nobody else has a use for it before its window begins. */
export function holdHost(
  state: TagState,
  { asked, model, until }: HoldHostCommand,
): { state: TagState; result: HostSpec } {
  const { version } = model;
  const known = { ...state, models: { ...state.models, [String(version)]: model } };
  const hosted = withHost(known, version, null);
  const { spec, ...host } = hosted.hosts[hostOf(known, version)] as HostState;
  const held = { by: asked.workflowId, until };
  const hosts = { ...hosted.hosts, [spec.name]: { ...host, spec, held } };
  return { state: { ...hosted, hosts }, result: spec };
}

/**
 * A run is done with a host that it held, or that it may have made again after the tag had retired it: the tag takes note of
 * the host, and it goes like any other that nothing names.
 */
export function releaseHost(state: TagState, spec: HostSpec, by?: string): TagState {
  const { version } = parseModelId(spec.modelId);
  const unknown: HostState = { spec, version, warmUntil: null, ready: false, retiring: false };
  const { held, ...known } = state.hosts[spec.name] ?? unknown;
  const others = held && held.by !== by ? { held } : {};
  const host = { ...known, ...others, retiring: false };
  return { ...state, hosts: { ...state.hosts, [spec.name]: host } };
}
