import { z } from 'zod';
import { PredictionRecord } from '../../temporal/contracts/predictions.js';
import { failure } from '../../temporal/errors.js';
import { GatewayAdmin, type GatewayAdminOptions } from '../routing/gateway-admin.js';
import { said } from './host-answer.js';
import { linesOf, wholeLines } from './lines.js';
import type { Predictions } from './port.js';

/** More than the ten seconds that the gateway gives a host, so that a slow host is told from a gateway that is away. */
const INVOKE_TIMEOUT_MS = 15_000;
/** Names the host on an answer that is its own, and not the gateway's about it. */
const HOST_HEADER = 'x-modelyard-host';
/** The gateway's word for a host that broke off, or was silent, over this body. */
const BROKEN_OFF = new Set([502, 504]);
/** A host's word that it cannot answer any body now. */
const NOT_NOW = new Set([429, 503]);

/**
 * Predictions as the gateway logs them. Fails with GatewayRefused, HostNotReady, or GatewayUnavailable when there is no answer or a part
 * of one.
 */
export function createGatewayPredictions(options: GatewayAdminOptions): Predictions {
  const admin = new GatewayAdmin(options);
  const logged = (tag: string, query: Record<string, string>): AsyncIterable<Uint8Array> => {
    const path = `/admin/predictions/${encodeURIComponent(tag)}?${String(new URLSearchParams(query))}`;
    return wholeLines(admin.stream({ method: 'GET', path }), `the prediction log of ${tag}`);
  };
  return {
    read: (tag, { from, until }) => logged(tag, { from, until }),

    async last(tag, count) {
      const lines = await linesOf(logged(tag, { last: String(count) }));
      return lines.map((line) => recordOf(tag, line));
    },

    async invoke(host, body) {
      const path = `/admin/hosts/${encodeURIComponent(host)}/invocations`;
      const call = { method: 'POST', path, body, timeoutMs: INVOKE_TIMEOUT_MS } as const;
      const answered = await admin.exchange(call);
      const isHosts = HOST_HEADER in answered.headers;
      if (!isHosts && !BROKEN_OFF.has(answered.status)) throw admin.refusalOf(call, answered);
      const answer = { status: answered.status, body: parsed(answered.text) };
      if (isHosts && NOT_NOW.has(answer.status))
        throw failure('HostNotReady', `POST ${path}: ${said(answer)}`);
      return answer;
    },
  };
}

function recordOf(tag: string, line: string): PredictionRecord {
  const record = PredictionRecord.safeParse(parsed(line));
  if (record.success) return record.data;
  throw failure(
    'GatewayRefused',
    `the prediction log of ${tag}: expected prediction records, got ${JSON.stringify(line.slice(0, 200))}: ${z.prettifyError(record.error)}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
