import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Admission } from '../admission.js';
import type { Metrics } from '../metrics.js';
import type { RouteStore } from '../routes/store.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The model that answered, or was to answer; for the figures. */
    answeredBy: string | undefined;
  }
}

export interface MeasureParts {
  admission: Admission;
  metrics: Metrics;
  routes: RouteStore;
}

/** Bounds and counts every request of the scope, those refused before a handler saw them included. */
export function admitAndMeasure(
  scope: FastifyInstance,
  { admission, metrics, routes }: MeasureParts,
): void {
  scope.addHook('onRequest', (request, reply, done) => {
    reply.header('x-modelyard-request-id', request.id);
    reply.raw.once('close', admission.admit(request.headers));
    done();
  });
  scope.addHook('onResponse', (request, reply, done) => {
    const tag = tagOf(request);
    metrics.answered({
      tag: routes.has(tag) ? tag : undefined,
      modelId: request.answeredBy,
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });
}

function tagOf(request: FastifyRequest): string {
  const { tag, name } = request.params as { tag?: string; name?: string };
  return tag ?? name ?? '';
}
