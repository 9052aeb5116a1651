import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../admission.js';
import type { Figures } from '../figures.js';
import type { Metrics } from '../metrics.js';
import type { RouteStore } from '../routes/store.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The model that answered, or was to answer; for the figures. */
    answeredBy: string | undefined;
    /** That model or its host failed, where the status does not say so: SageMaker's protocol tells both with 424. */
    modelFailed: boolean;
  }
}

export interface MeasureParts {
  admission: Admission;
  metrics: Metrics;
  figures: Figures;
  routes: RouteStore;
}

/** Bounds and counts every request of the scope, those refused before a handler saw them included. */
export function admitAndMeasure(
  scope: FastifyInstance,
  { admission, metrics, figures, routes }: MeasureParts,
): void {
  scope.addHook('onRequest', (request, reply, done) => {
    reply.header('x-modelyard-request-id', request.id);
    reply.raw.once('close', admission.admit(request.headers));
    countOnClose(figures, request, reply);
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

/** Counts for the model when the response has closed: no other event tells of a caller who did not wait for a slow one. */
function countOnClose(figures: Figures, request: FastifyRequest, reply: FastifyReply): void {
  const count = (): void => {
    const { answeredBy: modelId, modelFailed } = request;
    if (modelId === undefined) return;
    const failed = modelFailed || reply.statusCode >= 500;
    figures.answered({ tag: tagOf(request), modelId, failed, ms: reply.elapsedTime });
  };
  reply.raw.once('close', () => {
    // The scorer hears of a caller that has gone by the same event, and names the model only then.
    if (reply.raw.writableFinished) count();
    else setImmediate(count);
  });
}

function tagOf(request: FastifyRequest): string {
  const { tag, name } = request.params as { tag?: string; name?: string };
  return tag ?? name ?? '';
}
