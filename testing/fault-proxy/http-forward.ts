import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { urlToHttpOptions } from 'node:url';

/** An answer as it came, with its headers as a flat list of names and values. */
export interface Answer {
  status: number;
  headers: string[];
  body: Buffer;
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // Answered by this hop: the body is already here.
  'expect',
];

/** Methods whose requests say nothing about a body when they have none. */
const WITHOUT_BODY = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'];

/** Sends a request on, byte for byte, over a connection of its own: an old one might be closed just then. */
export async function forward(
  target: URL,
  request: IncomingMessage,
  { body, signal }: { body: Buffer; signal: AbortSignal },
): Promise<Answer> {
  const send = target.protocol === 'https:' ? requestHttps : requestHttp;
  const options = urlToHttpOptions(target);
  const name = options.hostname ?? '';
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    send({
      ...options,
      // Node would take the name to verify from the Host header, which names the proxy.
      servername: isIP(name) === 0 ? name : '',
      path: `${target.pathname.replace(/\/$/, '')}${request.url ?? ''}`,
      method: request.method,
      headers: headersOf(request, body),
      agent: false,
      signal,
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
  const answered = await read(incoming);
  return {
    status: incoming.statusCode ?? 502,
    headers: endToEnd(incoming.rawHeaders),
    body: answered,
  };
}

export async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function headersOf({ method = 'GET', rawHeaders, headers }: IncomingMessage, body: Buffer) {
  const kept = endToEnd(rawHeaders);
  if (headers['content-length'] !== undefined) return kept;
  if (body.length === 0 && WITHOUT_BODY.includes(method)) return kept;
  return [...kept, 'Content-Length', String(body.length)];
}

/** Names and values without those that are for the next hop only (RFC 9110, 7.6.1). */
function endToEnd(raw: readonly string[]): string[] {
  const pairs = raw.flatMap((name, index) =>
    index % 2 === 0 ? [{ name, key: name.toLowerCase(), value: raw[index + 1] ?? '' }] : [],
  );
  const named = pairs
    .filter(({ key }) => key === 'connection')
    .flatMap(({ value }) => value.split(',').map((option) => option.trim().toLowerCase()));
  return pairs
    .filter(({ key }) => !HOP_BY_HOP.includes(key) && !named.includes(key))
    .flatMap(({ name, value }) => [name, value]);
}
