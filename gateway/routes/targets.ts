import type { Route, RouteTarget } from '../../temporal/contracts/route.js';

/** Every target a route names, the mirror's included. */
export function targetsOf(route: Route): RouteTarget[] {
  return [route.live, route.canary, route.mirror].filter((target) => target != null);
}

/**
 * The targets that must be ready before the write is taken: those it newly makes live or canary. One that keeps its place is
 * not asked again, so that ending a canary is possible while the live host restarts.
 */
export function targetsTakingTraffic(before: Route, after: Route): RouteTarget[] {
  const taking: RouteTarget[] = [];
  if (after.live && !sameTarget(after.live, before.live)) taking.push(after.live);
  if (after.canary && !sameTarget(after.canary, before.canary)) taking.push(after.canary);
  return taking;
}

function sameTarget(a: RouteTarget, b: RouteTarget | null | undefined): boolean {
  return b != null && a.modelId === b.modelId && a.host === b.host;
}
