import { z } from 'zod';
import { TargetRefusal, type ScoreReply } from './scorer.js';

/** Statuses by which a model server says that the caller's payload is at fault. Another 4xx is a fault of the server. */
const CALLERS_FAULT = new Set([400, 413, 415, 422]);
const LONGEST_MESSAGE = 2_000;

const HostError = z.object({ code: z.string().max(100), message: z.string() });

/** Whether a model server's answer other than 200 says that it failed, rather than its caller. */
export function isModelsFault(status: number): boolean {
  return !CALLERS_FAULT.has(status);
}

/** The public answer to a model server's error. Its stack traces, should it send any, stay here. */
export function refusalOfReply(reply: ScoreReply): TargetRefusal {
  const { code, message } = said(reply);
  if (!isModelsFault(reply.status))
    return new TargetRefusal(reply.modelId, reply.status, code ?? 'BadPayload', message);
  if (reply.status === 503)
    return new TargetRefusal(reply.modelId, 503, code ?? 'HostNotReady', message);
  return new TargetRefusal(reply.modelId, 502, code ?? 'HostError', message);
}

function said(reply: ScoreReply): { code?: string; message: string } {
  try {
    const { code, message } = HostError.parse(JSON.parse(reply.body.toString('utf8')));
    return { code, message: message.slice(0, LONGEST_MESSAGE) };
  } catch {
    return { message: `the server of ${reply.modelId} answered ${String(reply.status)}` };
  }
}
