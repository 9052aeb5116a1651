import type { FastifyInstance } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { MirrorFigures } from '../../temporal/contracts/predictions.js';
import { ModelTag } from '../../temporal/contracts/scalars.js';
import { parseInput } from '../parse-input.js';
import type { PredictionCounts } from '../predictions/counts.js';
import { Refusal } from '../refusal.js';
import type { RouteStore } from '../routes/store.js';
import type { MirrorCounts } from './counts.js';

export interface MirrorAdminParts {
  mirror: MirrorCounts;
  predictions: PredictionCounts;
  routes: RouteStore;
}

/** `/admin/mirrors`: what became of the copies to a tag's candidates. */
export function serveMirrorAdmin(
  scope: FastifyInstance,
  { mirror, predictions, routes }: MirrorAdminParts,
): void {
  const epoch = randomUUID();
  scope.get<{ Params: { tag: string } }>('/admin/mirrors/:tag', (request): MirrorFigures => {
    const tag = parseInput(ModelTag, request.params.tag, 'tag');
    if (!routes.current(tag))
      throw new Refusal(404, 'UnknownTag', `no route was ever written for tag '${tag}'`);
    const at = new Date().toISOString();
    return { tag, epoch, at, candidates: mirror.of(tag), log: predictions.of(tag) };
  });
}
