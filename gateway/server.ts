import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { requireToken } from './admin-token.js';
import { Admission } from './admission.js';
import { serveFiguresAdmin } from './figures-admin.js';
import { Figures } from './figures.js';
import { serveHostAdmin } from './hosts/admin.js';
import type { Supervisor } from './hosts/supervisor.js';
import { messageOf, type Log } from './log.js';
import { Metrics } from './metrics.js';
import { serveMirrorAdmin } from './mirror/admin.js';
import { serveInvokeAdmin } from './mirror/invoke-admin.js';
import type { Mirror } from './mirror/mirror.js';
import type { GatewayOptions } from './options.js';
import { servePredictionAdmin } from './predictions/admin.js';
import type { PredictionLog } from './predictions/log.js';
import { recorder } from './recorder.js';
import { Refusal, refusalOf } from './refusal.js';
import { serveRouteAdmin } from './routes/admin.js';
import type { RouteStore } from './routes/store.js';
import { targetsOf } from './routes/targets.js';
import { requestIdOf } from './scoring/headers.js';
import { admitAndMeasure } from './scoring/measure.js';
import { serveEndpoints } from './scoring/sagemaker.js';
import { Scorer, TargetRefusal } from './scoring/scorer.js';
import { serveTags } from './scoring/tags.js';

export interface ServerParts {
  options: GatewayOptions;
  routes: RouteStore;
  hosts: Supervisor;
  mirror: Mirror;
  predictions: PredictionLog;
  log: Log;
}

const ADMIN_BODY_BYTES = 64 * 1024;
const HEADER_BYTES = 16 * 1024;
const RETRY_AFTER_S = '1';

/** The gateway's HTTP side; the caller makes it listen. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const { limits } = parts.options;
  const server = fastify({
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.scoreTimeoutMs,
    // Of a connection on which nothing moves; a score in progress moves nothing for up to its own timeout.
    connectionTimeout: 2 * limits.scoreTimeoutMs,
    genReqId: (raw) => requestIdOf(raw.headers),
    http: { maxHeaderSize: HEADER_BYTES },
  });
  server.server.maxConnections = limits.connections;
  server.decorateRequest('answeredBy', undefined);
  server.decorateRequest('modelFailed', false);
  server.setErrorHandler((error, request, reply) => {
    if (refusalOf(error).status === 500)
      parts.log('failed', { url: request.url, error: messageOf(error) });
    return answerRefusal(refusalOf(error), request, reply);
  });
  server.setNotFoundHandler((request) => {
    throw new Refusal(
      404,
      'NotFound',
      `nothing is served at ${request.method} ${request.url.slice(0, 200)}`,
    );
  });
  endConnectionsOnClose(server);
  server.get('/healthz', () => ({ status: 'ok' }));
  await addEndpoints(server, parts);
  return server;
}

/** A caller that keeps its connection would otherwise hold up the close for as long as it keeps it. */
function endConnectionsOnClose(server: FastifyInstance): void {
  let closing = false;
  server.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
}

async function addEndpoints(server: FastifyInstance, parts: ServerParts): Promise<void> {
  const { options, routes, hosts, mirror, predictions } = parts;
  const { bodyBytes, inFlight, inFlightBytes, replyBytes, scoreTimeoutMs } = options.limits;
  const admission = new Admission({
    requests: inFlight,
    bodyBytes: inFlightBytes,
    unannouncedBytes: bodyBytes,
  });
  const metrics = new Metrics({
    ...{ routes, hosts, inFlight: () => admission.inFlight },
    ...{ mirror: mirror.counts, predictions: predictions.counts },
  });
  const figures = new Figures();
  const scorer = new Scorer({ routes, hosts, figures }, { timeoutMs: scoreTimeoutMs, replyBytes });
  const observer = recorder(parts);
  for (const serve of [serveTags, serveEndpoints]) {
    await server.register((scope, _options, done) => {
      admitAndMeasure(scope, { admission, metrics, figures, routes });
      serve(scope, scorer, observer);
      done();
    });
  }
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  await server.register((scope, _options, done) => {
    addAdmin(scope, parts, { metrics, figures });
    done();
  });
}

function addAdmin(
  scope: FastifyInstance,
  { options, routes, hosts, mirror, predictions, log }: ServerParts,
  { metrics, figures }: { metrics: Metrics; figures: Figures },
): void {
  const authorize = requireToken(options.adminToken);
  scope.addHook('onRequest', (request, _reply, done) => {
    authorize(request.headers.authorization);
    done();
  });
  scope.addHook('onRoute', (route) => {
    route.bodyLimit ??= ADMIN_BODY_BYTES;
  });
  serveHostAdmin(scope, { hosts, routes });
  serveRouteAdmin(scope, {
    routes,
    hosts,
    log,
    onWritten: (before, after) => {
      // The models of the route before stay until the next change, so that their last figures are still scraped.
      const targets = [...targetsOf(before.route), ...targetsOf(after.route)];
      const named = targets.map((target) => target.modelId);
      metrics.keepModels(after.tag, named);
      figures.keepModels(after.tag, named);
      mirror.routeWritten(after.tag);
    },
  });
  serveFiguresAdmin(scope, { figures, routes });
  serveMirrorAdmin(scope, { mirror: mirror.counts, predictions: predictions.counts, routes });
  servePredictionAdmin(scope, { predictions, routes });
  const { bodyBytes, replyBytes } = options.limits;
  const { timeoutMs } = options.mirror;
  // In a scope of its own: it takes bodies as they come, where the others parse them.
  void scope.register((inner, _options, done) => {
    serveInvokeAdmin(inner, { hosts, bodyBytes, replyBytes, timeoutMs });
    done();
  });
}

function answerRefusal(
  refusal: Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (refusal instanceof TargetRefusal) {
    request.answeredBy = refusal.modelId;
    reply.header('x-modelyard-model-id', refusal.modelId);
  }
  if (refusal.status === 503) reply.header('retry-after', RETRY_AFTER_S);
  if (refusal.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(refusal.status).type('application/json').send(refusal.body);
}
