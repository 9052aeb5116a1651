import type { Route } from '../../../../../temporal/contracts/route.js';
import { parseModelId } from '../../../../../temporal/ids.js';
import type { HostState, TagState } from '../../../../../workflows/policy/tag/state.js';
import type { Alphabet } from './moves.js';
import { AT, OVER, type World } from './world.js';

/**
 * What of a world decides on everything that may happen in it: equal keys, equal futures. Numbers, hashes, instants and texts
 * are left out, fences are ranks, and versions are named in the order in which they are met, since none is like no other.
 */
export function keyOf({ state, store, late }: World, alphabet: Alphabet): string {
  const names = new Names();
  const { intent, lease, queue, shadow } = state;
  const parts: (string | number | boolean | null)[] = [
    names.of(state.live),
    [...state.stack]
      .reverse()
      .map((v) => names.of(v))
      .join(''),
    lease && names.of(lease.version),
    lease && lease.weightPercent,
    lease?.approval
      ? lease.approval.given
          .map(({ by }) => by)
          .sort()
          .join('') + String(lease.approval.expiresAt === OVER)
      : null,
    queue && names.of(queue.command.model.version),
    shadow && names.of(shadow.version),
    state.liveApproved &&
      `${state.liveApproved.rollout.length > 0 ? 'a' : ''}${state.liveApproved.given
        .map(({ by }) => by)
        .sort()
        .join('')}`,
    frozen(state),
    intent &&
      [intent.entry.action, names.of(intent.entry.from), names.of(intent.entry.to)].join(''),
    intent &&
      [names.of(intent.live), intent.weightPercent, names.of(intent.shadow?.version ?? null)].join(
        ',',
      ),
    intent && routeKey(intent.route, names),
    store.fence === intent?.fence,
    state.serving.inSync,
    failedRepair(state),
    routeKey(store.route, names),
    ...runs(late.map(({ route }) => routeKey(route, names))),
  ];
  return [
    ...parts,
    versions(state, alphabet, names),
    alphabet.hosts && (state.liveSince ?? OVER) > '2026-02',
  ].join(';');
}

/** Versions by the order in which they are met: '1', '2', …; '-' for none. */
class Names {
  private readonly met = new Map<number, string>();

  of(version: number | null): string {
    if (version === null) return '-';
    const known = this.met.get(version);
    if (known !== undefined) return known;
    const fresh = String(this.met.size + 1);
    this.met.set(version, fresh);
    return fresh;
  }

  has(version: number): boolean {
    return this.met.has(version);
  }
}

/** What each version is by itself: those that were met under their names, the others in any order. */
function versions(state: TagState, alphabet: Alphabet, names: Names): string {
  const met = alphabet.versions
    .filter((v) => names.has(v))
    .map((v) => `${names.of(v)}${alone(state, v, alphabet)}`);
  const others = alphabet.versions
    .filter((v) => !names.has(v))
    .map((v) => alone(state, v, alphabet));
  return [...met.sort(), ...others.sort()].join(' ');
}

function alone(state: TagState, version: number, { hosts }: Alphabet): string {
  const key = String(version);
  const host = hosts ? Object.values(state.hosts).find((of) => of.version === version) : undefined;
  return [
    key in state.quarantined ? (departed(state, version) ? 'q' : 'Q') : '',
    key in state.models ? 'm' : '',
    host ? hostKey(host) : '',
  ].join('');
}

const hostKey = ({ warmUntil, retiring }: HostState): string =>
  `h${(warmUntil ?? OVER) > AT ? 'w' : ''}${retiring ? 'r' : ''}`;

/** Whether the ledger tells of its leaving, which a second rollback is then answered with. */
const departed = ({ tail, tag }: TagState, version: number): boolean => {
  const id = `${tag}/${String(version)}`;
  return tail.some(
    ({ action, from, to }) =>
      (from === id && (action === 'rollback' || action === 'abort')) ||
      (action === 'quarantine' && to === id),
  );
};

const frozen = ({ frozen: own, platformFrozen }: TagState): string =>
  `${own ? (own.until === OVER ? 'o' : 'f') : ''}${platformFrozen ? 'p' : ''}`;

const failedRepair = ({ tail }: TagState): boolean => {
  const last = tail.at(-1);
  return last?.action === 'repair' && last.outcome === 'failed';
};

function routeKey({ live, canary, mirror }: Route, names: Names): string {
  const of = (target: { modelId: string } | null | undefined): string =>
    target ? names.of(parseModelId(target.modelId).version) : '-';
  return `${of(live)}c${of(canary)}m${of(mirror)}`;
}

/** Of late writes that follow one another with the same content, the last alone tells where the store may get to. */
const runs = (routes: string[]): string[] =>
  routes.filter((route, index) => route !== routes[index + 1]);
