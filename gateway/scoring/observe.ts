import type { FastifyReply } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { ScoreReply, ScoreRequest } from './scorer.js';

/** A request that a model answered with 200. */
export interface Scored {
  tag: string;
  modelId: string;
  requestId: string;
  /** The caller's, credentials included: of these only what `headersForHost` lets through leaves this process. */
  headers: IncomingHttpHeaders;
  input: Buffer;
  /** As the model server sent it. */
  output: Buffer;
  /** Of the exchange with the model server. */
  ms: number;
}

/** Hears of each scored request. Throws nothing, and returns at once. */
export type Observer = (scored: Scored) => void;

/** Tells when the answer has been handed to the caller's connection, or the caller has gone: never while somebody waits. */
export function observeOnceAnswered(
  observer: Observer,
  reply: FastifyReply,
  { request, answer }: { request: ScoreRequest; answer: ScoreReply },
): void {
  reply.raw.once('close', () => {
    const { tag, requestId, headers, body } = request;
    const { modelId, ms } = answer;
    observer({ tag, modelId, requestId, headers, input: body, output: answer.body, ms });
  });
}
