import type { FencedRoute, Route } from '../../temporal/contracts/route.js';
import type { Serving } from '../hosts/serving.js';
import { headersForHost } from '../scoring/headers.js';
import type { Scored } from '../scoring/observe.js';
import { ByteBudget } from './byte-budget.js';
import { UNSAMPLED, type CopyOutcome } from './copy.js';
import { MirrorCounts } from './counts.js';
import { Lane } from './lane.js';
import { isSampled } from './sampling.js';
import type { MirrorSettings } from './settings.js';

type MirrorTarget = NonNullable<Route['mirror']>;

export interface MirrorParts {
  routes: { current(tag: string): FencedRoute | undefined };
  hosts: { get(name: string): { serving: Serving | undefined } | undefined };
  settings: MirrorSettings;
}

/** A copy that was made or left out, for the request it belongs to. */
export interface Mirrored {
  modelId: string;
  /** Never rejects; within the waiting time and the timeout. */
  outcome: Promise<CopyOutcome>;
}

/** Timers take no more than 2^31 ms, and windows may be longer. */
const LONGEST_TIMER_MS = 3_600_000;

interface OpenLane {
  lane: Lane;
  target: MirrorTarget;
  end: NodeJS.Timeout | undefined;
}

/** Sends copies of what live models answered to the candidates that routes name as mirrors. No caller waits for any of it. */
export class Mirror {
  readonly counts = new MirrorCounts();
  readonly #parts: MirrorParts;
  readonly #bytes: ByteBudget;
  /** By tag. */
  readonly #lanes = new Map<string, OpenLane>();

  constructor(parts: MirrorParts) {
    this.#parts = parts;
    this.#bytes = new ByteBudget(parts.settings.totalBytes);
  }

  /** Undefined when no mirror is in force, or when another model than the live one answered. */
  offer(scored: Scored, atMs: number): Mirrored | undefined {
    const { tag } = scored;
    const target = this.#inForce(tag, atMs, scored.modelId);
    if (!target) return undefined;
    const { modelId } = target;
    this.counts.eligible(tag, modelId);
    return { modelId, outcome: this.#copy(scored, target) };
  }

  /** Ends what the tag's route does not name any more. */
  routeWritten(tag: string): void {
    const target = this.#inForce(tag, Date.now());
    const open = this.#lanes.get(tag);
    if (open && !isSameCandidate(open.target, target)) this.#end(tag);
  }

  /** Waits for no copy. */
  close(): void {
    for (const [tag, { lane }] of [...this.#lanes]) {
      lane.abort();
      this.#end(tag);
    }
  }

  async #copy(scored: Scored, target: MirrorTarget): Promise<CopyOutcome> {
    const outcome = isSampled(scored.requestId, target.samplingPercent)
      ? await this.#laneTo(scored.tag, target).send(copyOf(scored))
      : UNSAMPLED;
    this.counts.settled(scored.tag, target.modelId, outcome.state);
    return outcome;
  }

  /** Looked at anew for each request: `until` holds although nobody writes the route, and a mirror ends with its live model. */
  #inForce(tag: string, atMs: number, answeredBy?: string): MirrorTarget | undefined {
    const route = this.#parts.routes.current(tag)?.route;
    if (!route?.mirror || atMs >= Date.parse(route.mirror.until)) return undefined;
    if (answeredBy !== undefined && answeredBy !== route.live?.modelId) return undefined;
    return route.mirror;
  }

  #laneTo(tag: string, target: MirrorTarget): Lane {
    const open = this.#lanes.get(tag);
    if (open && isSameCandidate(open.target, target)) return open.lane;
    this.#end(tag);
    const { hosts, settings } = this.#parts;
    const serving = (): Serving | undefined => hosts.get(target.host)?.serving;
    const lane = new Lane({ serving, settings, bytes: this.#bytes });
    this.#lanes.set(tag, { lane, target, end: undefined });
    this.#endInTime(tag);
    return lane;
  }

  #endInTime(tag: string): void {
    const open = this.#lanes.get(tag);
    if (!open) return;
    const target = this.#inForce(tag, Date.now());
    if (!target || !isSameCandidate(open.target, target)) {
      this.#end(tag);
      return;
    }
    const leftMs = Date.parse(target.until) - Date.now();
    const look = (): void => this.#endInTime(tag);
    open.end = setTimeout(look, Math.min(Math.max(leftMs, 1), LONGEST_TIMER_MS)).unref();
  }

  #end(tag: string): void {
    const open = this.#lanes.get(tag);
    if (!open) return;
    clearTimeout(open.end);
    open.lane.close();
    this.#lanes.delete(tag);
  }
}

function isSameCandidate(one: MirrorTarget, other: MirrorTarget | undefined): boolean {
  return one.host === other?.host && one.modelId === other.modelId;
}

function copyOf({ headers, requestId, input }: Scored) {
  return {
    headers: { ...headersForHost(headers, requestId), 'x-modelyard-shadow': '1' },
    body: input,
  };
}
