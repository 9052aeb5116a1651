import type { FastifyInstance } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Instant, ModelTag } from '../../temporal/contracts/scalars.js';
import { parseInput } from '../parse-input.js';
import { Refusal } from '../refusal.js';
import type { RouteStore } from '../routes/store.js';
import type { PredictionLog } from './log.js';

const MOST_AT_ONCE = 100;

const Query = z.union(
  [
    z
      .strictObject({ from: Instant, until: Instant })
      .transform(({ from, until }) => ({ from: asLogged(from), until: asLogged(until) })),
    z.strictObject({ last: z.coerce.number().int().min(1).max(MOST_AT_ONCE) }),
  ],
  { error: () => `expected from and until as instants, or last from 1 to ${String(MOST_AT_ONCE)}` },
);

/**
 * `/admin/predictions`: a tag's logged requests, a PredictionRecord a line. The answer is chunked: when reading fails in between,
 * the connection is cut before the last chunk, so that a reader cannot take a part for the whole.
 */
export function servePredictionAdmin(
  scope: FastifyInstance,
  { predictions, routes }: { predictions: PredictionLog; routes: RouteStore },
): void {
  scope.get<{ Params: { tag: string } }>('/admin/predictions/:tag', async (request, reply) => {
    const tag = parseInput(ModelTag, request.params.tag, 'tag');
    const query = parseInput(Query, request.query, 'query');
    if (!routes.current(tag))
      throw new Refusal(404, 'UnknownTag', `no route was ever written for tag '${tag}'`);
    if (!predictions.enabled)
      throw new Refusal(
        409,
        'PredictionLogOff',
        'this gateway logs no predictions; start it with MODELYARD_PREDICTION_LOG=on',
      );
    reply.type('application/x-ndjson');
    if ('last' in query) {
      const lines = await predictions.newest(tag, query.last);
      return reply.send(lines.map((line) => `${line}\n`).join(''));
    }
    return reply.send(Readable.from(predictions.range(tag, query)));
  });
}

function asLogged(instant: string): string {
  return new Date(instant).toISOString();
}
