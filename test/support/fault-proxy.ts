import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one request on its way. */
export type Fault =
  /** It is executed, and the connection is reset instead of an answer. */
  | { kind: 'lose-answer' }
  /** The connection is reset before anything is executed. */
  | { kind: 'reset' }
  /** It is executed twice; the caller sees the second answer. */
  | { kind: 'duplicate' }
  /** It never reaches the server. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body: string }
  /** It is executed, and the answer is replaced by this. */
  | { kind: 'garble'; body: string; status?: number }
  /** It is executed, and the connection ends after this much of the answer's body. */
  | { kind: 'truncate'; bytes: number }
  /** It is executed, and never answered. */
  | { kind: 'hang' };

export interface FaultProxy {
  url: string;
  /** The next `times` requests whose "METHOD /path" matches meet the fault. */
  inject: (match: RegExp, fault: Fault, times?: number) => void;
  /** Forgets the faults that nothing met yet. */
  calm: () => void;
  /** "METHOD /path" of every request that arrived, in order. */
  seen: string[];
  stop: () => Promise<void>;
}

interface Rule {
  match: RegExp;
  fault: Fault;
  left: number;
}

/** A proxy before a real server that loses, repeats and garbles what a test tells it to. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const rules: Rule[] = [];
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    seen.push(line);
    const rule = rules.find(({ match, left }) => left > 0 && match.test(line));
    if (rule) rule.left -= 1;
    handle(target, rule?.fault, { request, response }).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    inject: (match, fault, times = 1) => {
      rules.push({ match, fault, left: times });
    },
    calm: () => {
      rules.length = 0;
    },
    seen,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function handle(
  target: string,
  fault: Fault | undefined,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const body = await read(request);
  if (fault?.kind === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  if (fault?.kind === 'answer') {
    response.writeHead(fault.status, fault.headers).end(fault.body);
    return;
  }
  let answer = await forward(target, request, body);
  if (fault?.kind === 'duplicate') answer = await forward(target, request, body);
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'lose-answer') {
    request.socket.resetAndDestroy();
    return;
  }
  if (fault?.kind === 'truncate') {
    response.writeHead(answer.status, answer.headers);
    response.write(answer.body.subarray(0, fault.bytes), () => response.destroy());
    return;
  }
  if (fault?.kind === 'garble') {
    response
      .writeHead(fault.status ?? answer.status, { 'Content-Type': 'application/json' })
      .end(fault.body);
    return;
  }
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

async function forward(
  target: string,
  request: IncomingMessage,
  body: Buffer<ArrayBuffer>,
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  const method = request.method ?? 'GET';
  const type = request.headers['content-type'];
  const answer = await fetch(`${target}${request.url ?? ''}`, {
    method,
    headers: { ...(type !== undefined && { 'Content-Type': type }) },
    ...(method !== 'GET' && method !== 'HEAD' && { body }),
    redirect: 'manual',
  });
  const kept = ['content-type', 'content-length', 'retry-after'];
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => kept.includes(name)));
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) };
}

async function read(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
