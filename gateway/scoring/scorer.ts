import type { IncomingHttpHeaders } from 'node:http';
import type { FencedRoute, RouteTarget } from '../../temporal/contracts/route.js';
import type { Serving } from '../hosts/serving.js';
import { Refusal } from '../refusal.js';
import { pickTarget } from '../routes/pick.js';
import { exchange, ExchangeError, type HostReply } from './exchange.js';
import { headersForHost } from './headers.js';

/** What scoring reads, which changes under it at any time and is read anew for every try, and where it says who could not serve. */
export interface ScoringParts {
  routes: { current(tag: string): FencedRoute | undefined };
  hosts: { get(name: string): { serving: Serving | undefined } | undefined };
  figures: { passedOver(tag: string, modelId: string): void };
}

export interface ScoreLimits {
  timeoutMs: number;
  replyBytes: number;
}

export interface ScoreRequest {
  tag: string;
  requestId: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  gone: AbortSignal;
}

export interface ScoreReply extends HostReply {
  modelId: string;
  /** Of the exchange with the model server. */
  ms: number;
}

/** A refusal after a target was picked. */
export class TargetRefusal extends Refusal {
  readonly modelId: string;

  constructor(modelId: string, ...rest: ConstructorParameters<typeof Refusal>) {
    super(...rest);
    this.modelId = modelId;
  }
}

/** Answers one request by the tag's route. Every refusal is thrown as a Refusal with the public API's status. */
export class Scorer {
  readonly #parts: ScoringParts;
  readonly #limits: ScoreLimits;

  constructor(parts: ScoringParts, limits: ScoreLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /** Scoring changes nothing, so a request that found its server gone is tried once more, by the route of that moment. */
  async score(request: ScoreRequest): Promise<ScoreReply> {
    try {
      return await this.#try(request, 'by-weight');
    } catch (error) {
      if (!(error instanceof TargetRefusal) || error.code !== 'HostUnreachable') throw error;
      this.#passOver(request.tag, error.modelId);
      return this.#try(request, 'live-only');
    }
  }

  async #try(request: ScoreRequest, choice: 'by-weight' | 'live-only'): Promise<ScoreReply> {
    const { target, instance } = this.#choose(request, choice);
    const { requestId, headers, body, gone } = request;
    instance.inFlight += 1;
    const sentAtMs = performance.now();
    try {
      const { timeoutMs, replyBytes } = this.#limits;
      const reply = await exchange(instance.pool, {
        path: instance.path,
        headers: headersForHost(headers, requestId),
        body,
        timeoutMs,
        replyLimitBytes: replyBytes,
        gone,
      });
      return { ...reply, modelId: target.modelId, ms: performance.now() - sentAtMs };
    } catch (error) {
      throw error instanceof ExchangeError ? refusalOf(error, target) : error;
    } finally {
      instance.inFlight -= 1;
    }
  }

  /** A canary that cannot serve fails no caller: its share goes to the live model. */
  #choose(
    { tag, requestId }: ScoreRequest,
    choice: 'by-weight' | 'live-only',
  ): { target: RouteTarget; instance: Serving } {
    const inForce = this.#parts.routes.current(tag);
    if (!inForce)
      throw new Refusal(
        404,
        'UnknownTag',
        `no route was ever written for tag '${tag}'; promote a model first`,
      );
    const { live } = inForce.route;
    const picked = choice === 'live-only' ? live : pickTarget(inForce.route, requestId);
    const ready = this.#ready(picked);
    if (picked && !ready) this.#passOver(tag, picked.modelId);
    const chosen = ready ?? this.#ready(live);
    if (chosen) return withRoom(chosen);
    if (!live)
      throw new Refusal(409, 'NothingLive', `no model is live for tag '${tag}'; promote one first`);
    throw new TargetRefusal(
      live.modelId,
      503,
      'HostNotReady',
      `the host of ${live.modelId} is not ready; try again in a moment`,
    );
  }

  /** Counts a model that another answers for. When it is the live one itself, its own answer, which follows, is counted. */
  #passOver(tag: string, modelId: string): void {
    const live = this.#parts.routes.current(tag)?.route.live;
    if (modelId !== live?.modelId) this.#parts.figures.passedOver(tag, modelId);
  }

  #ready(target: RouteTarget | null): { target: RouteTarget; instance: Serving } | undefined {
    const instance = target ? this.#parts.hosts.get(target.host)?.serving : undefined;
    return target && instance ? { target, instance } : undefined;
  }
}

function withRoom(chosen: { target: RouteTarget; instance: Serving }): {
  target: RouteTarget;
  instance: Serving;
} {
  if (chosen.instance.hasRoom) return chosen;
  const { modelId } = chosen.target;
  throw new TargetRefusal(
    modelId,
    503,
    'Overloaded',
    `${modelId} has as many requests waiting as it may; try again in a moment`,
  );
}

function refusalOf(error: ExchangeError, { modelId }: RouteTarget): TargetRefusal {
  const message = `${modelId}: ${error.message}`;
  switch (error.reason) {
    case 'unreachable':
      return new TargetRefusal(modelId, 503, 'HostUnreachable', message);
    case 'timeout':
      return new TargetRefusal(modelId, 504, 'Timeout', message);
    case 'broken-off':
      return new TargetRefusal(modelId, 502, 'ReplyBrokenOff', message);
    case 'reply-too-large':
      return new TargetRefusal(modelId, 502, 'ReplyTooLarge', message);
    case 'caller-gone':
      return new TargetRefusal(modelId, 499, 'CallerGone', message);
  }
}
