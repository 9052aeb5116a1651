import type { FastifyInstance } from 'fastify';
import { ModelTag } from '../temporal/contracts/scalars.js';
import type { Figures } from './figures.js';
import { parseInput } from './parse-input.js';
import { Refusal } from './refusal.js';
import type { RouteStore } from './routes/store.js';

/** `/admin/figures`: what live checks judge a tag's models by. */
export function serveFiguresAdmin(
  scope: FastifyInstance,
  { figures, routes }: { figures: Figures; routes: RouteStore },
): void {
  scope.get<{ Params: { tag: string } }>('/admin/figures/:tag', (request) => {
    const tag = parseInput(ModelTag, request.params.tag, 'tag');
    if (routes.current(tag)) return figures.of(tag);
    throw new Refusal(404, 'UnknownTag', `no route was ever written for tag '${tag}'`);
  });
}
