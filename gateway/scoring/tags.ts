import type { FastifyInstance } from 'fastify';
import { Refusal } from '../refusal.js';
import { refusalOfReply } from './errors.js';
import { scoreRequestOf, takeBodiesRaw } from './http.js';
import { observeOnceAnswered, type Observer } from './observe.js';
import { TargetRefusal, type Scorer } from './scorer.js';
import { withIdentity } from './splice.js';

const MEDIA_TYPES = new Set(['application/json', 'text/csv']);

/** `POST /v1/tags/:tag/score`: answers `{ predictions, modelId, requestId }`. */
export function serveTags(scope: FastifyInstance, scorer: Scorer, observer: Observer): void {
  takeBodiesRaw(scope);
  scope.post<{ Params: { tag: string } }>('/v1/tags/:tag/score', async (request, reply) => {
    requireMediaType(request.headers['content-type']);
    const asked = scoreRequestOf(request, reply, request.params.tag);
    const answer = await scorer.score(asked);
    if (answer.status !== 200) throw refusalOfReply(answer);
    const { modelId } = answer;
    request.answeredBy = modelId;
    const body = withIdentity(answer.body, { modelId, requestId: request.id });
    if (!body) throw withoutPredictions(modelId);
    observeOnceAnswered(observer, reply, { request: asked, answer });
    return reply.header('x-modelyard-model-id', modelId).type('application/json').send(body);
  });
}

function requireMediaType(contentType: string | undefined): void {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== undefined && MEDIA_TYPES.has(mediaType)) return;
  const expected = [...MEDIA_TYPES].join(' or ');
  throw new Refusal(
    415,
    'UnsupportedMediaType',
    `expected content-type ${expected}, got ${mediaType ?? 'none'}`,
  );
}

function withoutPredictions(modelId: string): TargetRefusal {
  const message = `expected {"predictions": …} from the server of ${modelId}, got something else`;
  return new TargetRefusal(modelId, 502, 'BadReply', message);
}
