import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusalOf, type Refusal } from '../refusal.js';
import { isModelsFault } from './errors.js';
import { single } from './headers.js';
import { scoreRequestOf, takeBodiesRaw } from './http.js';
import { observeOnceAnswered, type Observer } from './observe.js';
import { TargetRefusal, type ScoreReply, type Scorer } from './scorer.js';

const CUSTOM_ATTRIBUTES = 'x-amzn-sagemaker-custom-attributes';

/** `POST /endpoints/:name/invocations`: SageMaker's runtime, for clients that speak it. The endpoint's name is the tag. */
export function serveEndpoints(scope: FastifyInstance, scorer: Scorer, observer: Observer): void {
  takeBodiesRaw(scope);
  scope.setErrorHandler((error, request, reply) => answerError(refusalOf(error), request, reply));
  scope.post<{ Params: { name: string } }>(
    '/endpoints/:name/invocations',
    async (request, reply) => {
      const asked = scoreRequestOf(request, reply, request.params.name);
      const answer = await scorer.score(asked);
      request.answeredBy = answer.modelId;
      if (answer.status !== 200) return modelError(reply, answer);
      observeOnceAnswered(observer, reply, { request: asked, answer });
      const custom = single(answer.headers, CUSTOM_ATTRIBUTES);
      if (custom !== undefined) reply.header(CUSTOM_ATTRIBUTES, custom);
      reply.header('x-Amzn-Invoked-Production-Variant', answer.modelId);
      return reply
        .header('x-amzn-RequestId', request.id)
        .type(single(answer.headers, 'content-type') ?? 'application/octet-stream')
        .send(answer.body);
    },
  );
}

/** SageMaker answers 424 whatever the container's own error is, and tells that one inside. */
function modelError(reply: FastifyReply, answer: ScoreReply): FastifyReply {
  const said = answer.body.toString('utf8', 0, 2_000);
  reply.request.modelFailed = isModelsFault(answer.status);
  return sendError(reply, {
    status: 424,
    type: 'ModelError',
    body: {
      Message: `Received error (${String(answer.status)}) from ${answer.modelId} with message "${said}"`,
      OriginalMessage: said,
      OriginalStatusCode: answer.status,
    },
  });
}

function answerError(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (refusal instanceof TargetRefusal) {
    request.answeredBy = refusal.modelId;
    request.modelFailed = refusal.status >= 500;
  }
  if (refusal.status === 503) reply.header('retry-after', '1');
  return sendError(reply, { ...kindOf(refusal), body: bodyOf(refusal) });
}

function kindOf({ status, code }: Refusal): { status: number; type: string } {
  if (code === 'UnknownTag' || code === 'NothingLive')
    return { status: 400, type: 'ValidationError' };
  if (status === 503) return { status, type: 'ServiceUnavailable' };
  if (status === 502 || status === 504) return { status: 424, type: 'ModelError' };
  return status < 500
    ? { status, type: 'ValidationError' }
    : { status: 500, type: 'InternalFailure' };
}

function bodyOf({ message, status }: Refusal): Record<string, unknown> {
  // SageMaker tells a container that did not answer in time as status 0.
  return status === 504
    ? { Message: message, OriginalStatusCode: 0, OriginalMessage: message }
    : { Message: message };
}

function sendError(
  reply: FastifyReply,
  error: { status: number; type: string; body: Record<string, unknown> },
): FastifyReply {
  return reply
    .code(error.status)
    .header('x-amzn-ErrorType', error.type)
    .header('x-amzn-RequestId', reply.request.id)
    .type('application/json')
    .send(error.body);
}
