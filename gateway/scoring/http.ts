import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ModelTag } from '../../temporal/contracts/scalars.js';
import { Refusal } from '../refusal.js';
import type { ScoreRequest } from './scorer.js';

/** Bodies reach the model server byte for byte, so this scope parses none. */
export function takeBodiesRaw(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
}

/** The score request in an HTTP request, the same for both of the gateway's scoring paths. */
export function scoreRequestOf(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): ScoreRequest {
  const { headers } = request;
  return {
    tag: tagOf(name),
    requestId: request.id,
    headers,
    body: bodyOf(request),
    gone: goneSignal(reply),
  };
}

function tagOf(name: string): string {
  const tag = ModelTag.safeParse(name);
  // A name that cannot be a tag was never written, so it is as unknown as any other.
  if (!tag.success)
    throw new Refusal(404, 'UnknownTag', tag.error.issues.map((issue) => issue.message).join('; '));
  return tag.data;
}

function bodyOf({ body, headers }: FastifyRequest): Buffer {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new Refusal(
      415,
      'UnsupportedEncoding',
      `expected a body without content-encoding, got '${encoding}'; send it unpacked`,
    );
  }
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  const message =
    'expected a body with dataframe_split, dataframe_records, inputs or instances, got none; send one';
  throw new Refusal(400, 'BadPayload', message);
}

/** Aborts when the caller has closed its connection before it had the whole answer. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
