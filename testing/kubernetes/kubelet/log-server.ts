import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ContainerLog, LogLine } from './container-log.js';
import { createLogWindow, logRequestOf, tailOf, type LogRequest } from './log-request.js';

/** Where the apiserver asks for the logs of containers. */
export interface LogServer {
  port: number;
  stop: () => Promise<void>;
}

/** Undefined for a container that has not begun. */
export type FindLog = (container: {
  namespace: string;
  pod: string;
  name: string;
}) => ContainerLog | undefined;

/** It asks nobody who they are: whoever can reach 127.0.0.1 may read. */
export async function startLogServer(
  tls: { cert: string; key: string },
  find: FindLog,
): Promise<LogServer> {
  const server = createServer(tls, (request, response) => {
    answer(request, response, find);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, find: FindLog): void {
  const url = new URL(request.url ?? '', 'https://kubelet');
  const [, kind, namespace = '', pod = '', name = ''] = url.pathname.split('/');
  const asked = logRequestOf(url.searchParams, Date.now());
  const log = find({ namespace, pod, name });
  const refuse = (status: number, text: string): void => {
    response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
  };
  if (kind !== 'containerLogs') refuse(404, 'the process kubelet serves logs only');
  else if (!log)
    refuse(400, `container "${name}" in pod "${pod}" is waiting to start: ContainerCreating`);
  else if (asked.previous)
    refuse(400, `previous terminated container "${name}" in pod "${pod}" not found`);
  else send(log, asked, response);
}

function send(log: ContainerLog, asked: LogRequest, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain' }).flushHeaders();
  const windowOf = createLogWindow(asked);
  const write = (line: LogLine): void => {
    const text = windowOf(line);
    if (text === undefined) response.end();
    else if (text.length > 0) response.write(text);
  };
  tailOf(log.lines, asked).forEach(write);
  if (!asked.follow || log.ended) response.end();
  else
    response.on(
      'close',
      log.follow(write, () => response.end()),
    );
}
