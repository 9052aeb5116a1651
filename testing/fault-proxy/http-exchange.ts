import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { garbageOf } from './garbage.js';
import type { HeldRequests } from './held-requests.js';
import type { HttpFault } from './http-faults.js';
import { forward, read, type Answer } from './http-forward.js';
import type { PastAnswers } from './past-answers.js';
import type { Decision } from './plan.js';
import { millisecondsOf } from './random.js';

/** What the exchanges of one proxy share. */
export interface Upstream {
  target: URL;
  held: HeldRequests;
  past: PastAnswers;
  stopped: AbortSignal;
}

export interface Exchange {
  line: string;
  request: IncomingMessage;
  response: ServerResponse;
}

const REORDER_WAIT_MS = 2_000;

/** Takes a request to the server and its answer back, with what the decision does to them. */
export async function exchangeOf(
  upstream: Upstream,
  exchange: Exchange,
  decision: Decision<HttpFault> | undefined,
): Promise<void> {
  const { line, request, response } = exchange;
  const { held, past, stopped } = upstream;
  const fault = decision?.fault;
  // Held from its arrival on: the next one may arrive while this body is still being read.
  const turn =
    decision?.fault.kind === 'reorder'
      ? held.hold(decision.match, decision.fault.waitMs ?? REORDER_WAIT_MS)
      : undefined;
  const body = await read(request);
  await turn;
  if (decision?.fault.kind === 'latency') {
    const ms = millisecondsOf(decision.fault.ms, decision.chance);
    await delay(ms, undefined, { signal: stopped });
  }
  if (fault && unexecuted(fault, exchange, past)) return;

  const execute = async (): Promise<Answer> => {
    const answer = await forward(upstream.target, request, { body, signal: stopped });
    past.keep(line, answer);
    held.passed(line);
    return answer;
  };
  if (fault?.kind === 'duplicate') await execute();
  answerWith(await execute(), response, fault);
}

/** Ends the exchange before the server got the request, where the fault says so. */
function unexecuted(
  fault: HttpFault,
  { line, request, response }: Exchange,
  past: PastAnswers,
): boolean {
  switch (fault.kind) {
    case 'reset':
      request.socket.resetAndDestroy();
      return true;
    case 'black-hole':
      return true;
    case 'answer':
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return true;
    case 'unavailable':
      sayStatus(response, fault.status ?? 503);
      return true;
    case 'rate-limit':
      response.setHeader('Retry-After', String(fault.retryAfterSeconds));
      sayStatus(response, 429);
      return true;
    case 'stale-read':
      return answerAgain(response, past.of(line));
    default:
      return false;
  }
}

function answerAgain(response: ServerResponse, answer: Answer | undefined): boolean {
  if (answer) answerWith(answer, response);
  return answer !== undefined;
}

const sayStatus = (response: ServerResponse, status: number): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(STATUS_CODES[status]);
};

/** Hands an answer to the caller, or what the fault makes of it. */
function answerWith(answer: Answer, response: ServerResponse, fault?: HttpFault): void {
  switch (fault?.kind) {
    case 'hang':
      return;
    case 'lose-answer':
      response.socket?.resetAndDestroy();
      return;
    case 'truncate':
      response.writeHead(answer.status, answer.headers);
      response.write(answer.body.subarray(0, fault.bytes), () => response.destroy());
      return;
    case 'garble':
      response.writeHead(fault.status ?? answer.status, {
        'Content-Type': fault.contentType ?? 'application/json',
      });
      response.end(fault.body);
      return;
    case 'garbage': {
      const { body, contentType } = garbageOf(fault.sort);
      response.writeHead(answer.status, { 'Content-Type': contentType }).end(body);
      return;
    }
    default:
      response.writeHead(answer.status, answer.headers).end(answer.body);
  }
}
