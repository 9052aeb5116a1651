import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const REQUEST_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** The caller's request id when it is one, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * What a model server is told of the caller's headers. A list of the allowed rather than of the forbidden: credentials, cookies and
 * hop-by-hop headers stay here whatever their names.
 */
const TO_HOST = [
  'content-type',
  'accept',
  'traceparent',
  'tracestate',
  'x-amzn-sagemaker-custom-attributes',
];

export function headersForHost(
  given: IncomingHttpHeaders,
  requestId: string,
): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': requestId };
  for (const name of TO_HOST) {
    const value = given[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

/** A header of a model server's reply, when it has exactly one of the name. */
export function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
