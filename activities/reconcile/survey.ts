import type { Survey } from '../../temporal/contracts/reconcile.js';
import type { FencedRoute } from '../../temporal/contracts/route.js';
import { parseModelId, tagWorkflowId } from '../../temporal/ids.js';
import type { KeptHost } from '../hosting/port.js';
import type { OpenRun, Registry } from '../registry/port.js';
import { answerOf, valueOr, type Answer } from './answer.js';
import { each, filtered, memoized } from './asking.js';
import { orphanBookings, takenBookings } from './bookings.js';
import { observe, type Stores } from './observe.js';
import { isOurs } from './removal.js';
import { due, suspects } from './suspects.js';
import { differencesOf, isClosed, lookUp, registeredTags } from './workflows.js';

export interface SurveyRequest {
  /** ISO: the workflow's time. */
  at: string;
  /** null: every tag is looked at in depth. */
  everyMs: number | null;
  adopt: boolean;
}

/** What one sweep takes on; the rest is found by the next. */
const MOST = 200;

export async function survey(stores: Stores, request: SurveyRequest): Promise<Survey> {
  const lists = await listAll(stores, request.at);
  const { routes, aliases, hosts } = lists;
  const listing = {
    routes: valueOr(routes, []),
    aliases: 'value' in aliases && 'value' in routes ? aliases.value : null,
    hosts: valueOr(hosts, []),
  };
  const known = new Set([
    ...valueOr(lists.tags, []),
    ...listing.routes.map(({ tag }) => tag),
    ...valueOr(aliases, []).map(({ tag }) => tag),
  ]);
  const turn = { atMs: Date.parse(request.at), everyMs: request.everyMs ?? Infinity };
  const inDepth = new Set([...suspects(listing), ...due([...known], turn)]);
  const looked = await lookAt(stores, [...inDepth], { adopt: request.adopt, hosts });
  return {
    tags: looked.different.slice(0, MOST),
    hosts: orphanHosts(listing, looked.unknown).slice(0, MOST),
    ...(await orphansOfRuns(stores, lists, request.at)),
    bookings: (await orphanBookings(stores.client, lists.bookings.taken, request.at)).slice(
      0,
      MOST,
    ),
    unavailable: [...said(lists), ...lists.bookings.unavailable],
  };
}

type Lists = Awaited<ReturnType<typeof listAll>>;

async function listAll(
  { client, compute, hosting, registry, routing }: Stores,
  startedBefore: string,
) {
  const [tags, routes, aliases, hosts, jobs, runs, bookings] = await Promise.all([
    answerOf(() => registeredTags(client)),
    answerOf(() => routing.list()),
    answerOf(() => registry.allAliases()),
    answerOf(() => hosting.list()),
    answerOf(() => compute.list()),
    answerOf(() => registry.openRuns(startedBefore)),
    takenBookings(client, startedBefore),
  ]);
  return { tags, routes, aliases, hosts, jobs, runs, bookings };
}

/** Hosts of tags that there are not. A tag with a route was there, and may have to be brought back: its hosts are left alone. */
function orphanHosts(
  { hosts, routes }: { hosts: readonly KeptHost[]; routes: readonly FencedRoute[] },
  unknown: ReadonlySet<string>,
): KeptHost[] {
  const routed = new Set(routes.filter(({ route }) => route.live).map(({ tag }) => tag));
  return hosts.filter(({ modelId }) => {
    const { tag } = parseModelId(modelId);
    return unknown.has(tag) && !routed.has(tag);
  });
}

async function orphansOfRuns(
  { client, registry }: Stores,
  { jobs, runs }: Lists,
  at: string,
): Promise<Pick<Survey, 'jobs' | 'runs'>> {
  const closed = memoized((workflowId) => isClosed(client, workflowId));
  const active = valueOr(jobs, []).filter(({ state }) => state === 'active');
  const orphanJobs = await filtered(
    active,
    async ({ owner }) => (await isOurs({ client }, owner)) && (await closed(owner)),
  );
  const orphanRuns = await filtered(
    valueOr(runs, []),
    // A tag that is not here is another platform's, whose runs are not here either.
    async ({ tag, workflowId }) =>
      !(await closed(tagWorkflowId(tag))) && (await closed(workflowId)),
  );
  return {
    jobs: orphanJobs.slice(0, MOST).map(({ name, target, owner }) => ({ name, target, owner })),
    runs: (await stillOpen(registry, orphanRuns, at))
      .slice(0, MOST)
      .map(({ runId, tag, workflowId }) => ({ runId, tag, workflowId })),
  };
}

/** A run closes its record and then itself: what is open after that, nobody closes. */
async function stillOpen(
  registry: Registry,
  runs: readonly OpenRun[],
  at: string,
): Promise<OpenRun[]> {
  if (runs.length === 0) return [];
  const open = new Set(
    valueOr(await answerOf(() => registry.openRuns(at)), []).map(({ runId }) => runId),
  );
  return runs.filter(({ runId }) => open.has(runId));
}

/** Which of the tags differ from what the stores hold, and which there are not. */
async function lookAt(
  stores: Stores,
  tags: readonly string[],
  { adopt, hosts }: { adopt: boolean; hosts: Answer<KeptHost[]> },
): Promise<{ different: string[]; unknown: Set<string> }> {
  const different: string[] = [];
  const unknown = new Set<string>();
  await each(tags, async (tag) => {
    const found = await lookUp(stores.client, tag);
    if (found === 'absent') unknown.add(tag);
    if (found === 'absent' || found === 'closed') return;
    const seen = await observe(stores, tag, { holder: found.holder, kept: hosts });
    const differences = await differencesOf(stores.client, tag, { seen, adopt });
    if (differences.some(({ kind }) => kind !== 'unavailable')) different.push(tag);
  });
  return { different, unknown };
}

const said = ({ routes, aliases, hosts, jobs }: Lists): string[] =>
  Object.entries({
    'the route store': routes,
    MLflow: aliases,
    'the hosts': hosts,
    'the jobs': jobs,
  })
    .map(([store, answer]) => ('unavailable' in answer ? `${store}: ${answer.unavailable}` : null))
    .filter((text) => text !== null);
