import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { startTcpFaultProxy, type TcpFault, type TcpFaultProxy } from '../../testing/index.js';
import { eventually } from '../support/eventually.js';
import { leftOpen, openHandles } from '../support/open-handles.js';

interface Served {
  heard: string;
  ended: boolean;
  closed: boolean;
  socket: Socket;
}

let server: Server;
let port: number;
let served: Served[];
let clients: Client[];
let proxy: TcpFaultProxy;

/** Says every chunk again, in capitals. */
beforeEach(async () => {
  served = [];
  clients = [];
  server = createServer((socket) => {
    const one: Served = { heard: '', ended: false, closed: false, socket };
    served.push(one);
    socket.on('data', (chunk: Buffer) => {
      one.heard += chunk.toString();
      socket.write(chunk.toString().toUpperCase());
    });
    socket.on('end', () => (one.ended = true));
    socket.on('error', () => undefined);
    socket.on('close', () => (one.closed = true));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  proxy = await startTcpFaultProxy({ host: '127.0.0.1', port }, { seed: 7 });
  onTestFailed(() => {
    console.error(proxy.seed, proxy.injected);
  });
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await proxy.stop();
  for (const { socket } of served) socket.destroy();
  server.close();
  await once(server, 'close');
});

interface Client {
  socket: Socket;
  heard: string;
  /** The code of what ended it, 'closed' after good-byes, undefined while it is open. */
  end: string | undefined;
}

async function join(to = proxy.port): Promise<Client> {
  const socket = connect(to, '127.0.0.1');
  const client: Client = { socket, heard: '', end: undefined };
  clients.push(client);
  socket.on('data', (chunk: Buffer) => (client.heard += chunk.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (client.end = error.code));
  socket.on('close', () => (client.end ??= 'closed'));
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return client;
}

/** A client whose connection is known to work. */
async function joined(): Promise<Client> {
  const client = await join();
  client.socket.write('hello');
  await eventually(() => client.heard === 'HELLO' || client.end !== undefined);
  expect(client).toMatchObject({ heard: 'HELLO', end: undefined });
  return client;
}

describe('what passes unharmed', () => {
  it('is every byte in order, in both directions, and the good-byes', async () => {
    const client = await join();
    const text = 'abcdefghij'.repeat(200_000);
    client.socket.end(text);
    await eventually(() => client.end !== undefined);
    expect(client.end).toBe('closed');
    expect(served[0]?.heard === text).toBe(true);
    expect(client.heard === text.toUpperCase()).toBe(true);
  });

  it('is a session of HTTP/2, which gRPC speaks', async () => {
    const http2 = createHttp2Server((_request, response) => response.end('answered'));
    http2.listen(0, '127.0.0.1');
    await once(http2, 'listening');
    const { port: target } = http2.address() as AddressInfo;
    await using before = await startTcpFaultProxy({ host: '127.0.0.1', port: target });
    const session = connectHttp2(`http://${before.address}`);
    for (const path of ['/a', '/b']) {
      const stream = session.request({ ':path': path });
      expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toBe('answered');
    }
    session.close();
    http2.close();
    expect(before.seen[0]).toBe('connect 1');
  });

  it('is seen by connection and direction', async () => {
    await joined();
    await joined();
    expect(proxy.seen.filter((line) => /2$/.test(line))).toEqual([
      'connect 2',
      'send 2',
      'receive 2',
    ]);
    expect(proxy.injected).toEqual([]);
  });

  it('is reset when the server is not there', async () => {
    await using nobody = await startTcpFaultProxy({ host: '127.0.0.1', port: 9 });
    const client = await join(nobody.port);
    await eventually(() => client.end !== undefined);
    expect(client.end).toBe('ECONNRESET');
  });

  it('carries the reset of one end to the other', async () => {
    const client = await joined();
    client.socket.resetAndDestroy();
    await eventually(() => served[0]?.closed === true);
    expect(served[0]?.ended).toBe(false);
    const other = await joined();
    served[1]?.socket.resetAndDestroy();
    await eventually(() => other.end !== undefined);
    expect(other.end).toBe('ECONNRESET');
  });
});

describe('latency', () => {
  it('delays a chunk, and those behind it stay behind', async () => {
    const [slow, quick] = [await joined(), await joined()];
    proxy.inject(/^send 1$/, { kind: 'latency', ms: [150, 151] });
    slow.socket.write('one');
    slow.socket.write('two');
    await delay(20);
    quick.socket.write('three');
    await eventually(() => quick.heard === 'HELLOTHREE');
    expect(slow.heard).toBe('HELLO');
    await eventually(() => slow.heard === 'HELLOONETWO');
    expect(proxy.injected).toHaveLength(1);
  });

  it('delays what a new connection says first', async () => {
    proxy.inject(/^connect/, { kind: 'latency', ms: 100 });
    const client = await join();
    client.socket.write('hello');
    await delay(20);
    expect(served[0]?.heard).toBe('');
    await eventually(() => client.heard === 'HELLO');
  });
});

describe('a reset', () => {
  it('ends a connection at the line it meets, at both ends', async () => {
    proxy.inject(/^receive 1$/, { kind: 'reset' });
    const client = await join();
    client.socket.write('hello');
    await eventually(() => client.end !== undefined);
    expect(client).toMatchObject({ end: 'ECONNRESET', heard: '' });
    await eventually(() => served[0]?.closed === true);
    expect(served[0]).toMatchObject({ heard: 'hello', ended: false });
    await joined();
  });

  it('meets a connection that is new', async () => {
    proxy.inject(/^connect/, { kind: 'reset' });
    const client = await join();
    await eventually(() => client.end !== undefined);
    expect(client.end).toBe('ECONNRESET');
    await joined();
  });

  it('strikes every open connection at once, and none that comes after', async () => {
    const open = [await joined(), await joined()];
    proxy.strike({ kind: 'reset' });
    await eventually(() => open.every(({ end }) => end !== undefined));
    expect(open.map(({ end }) => end)).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(proxy.injected).toEqual([{ line: 'strike', fault: { kind: 'reset' } }]);
    await joined();
  });
});

describe('a black hole', () => {
  it('swallows both directions and the good-bye, and the connection stays open', async () => {
    const client = await joined();
    const other = await joined();
    proxy.inject(/^send 1$/, { kind: 'black-hole' });
    client.socket.write('lost');
    served[0]?.socket.write('lost too');
    client.socket.end();
    other.socket.write('!');
    await eventually(() => other.heard === 'HELLO!');
    await delay(30);
    expect(client).toMatchObject({ heard: 'HELLO', end: undefined });
    expect(served[0]).toMatchObject({ heard: 'hello', ended: false, closed: false });
  });

  it('leaves a reset behind where something was lost, and nothing where nothing was', async () => {
    const [lossy, silent] = [await joined(), await joined()];
    proxy.strike({ kind: 'black-hole', forMs: 60 });
    lossy.socket.write('lost');
    await eventually(() => lossy.end !== undefined);
    expect(lossy).toMatchObject({ heard: 'HELLO', end: 'ECONNRESET' });
    await eventually(() => served[0]?.closed === true);
    silent.socket.write('!');
    await eventually(() => silent.heard === 'HELLO!');
  });

  it('takes connections that come while it strikes, until the proxy calms', async () => {
    proxy.strike({ kind: 'black-hole' });
    const client = await join();
    client.socket.write('lost');
    await eventually(() => proxy.seen.includes('send 1'));
    await delay(20);
    expect(served[0]?.heard).toBe('');
    expect(client.end).toBeUndefined();
    proxy.calm();
    await eventually(() => client.end !== undefined);
    await joined();
  });

  it('keeps the server from hearing that a client is gone', async () => {
    const client = await joined();
    proxy.strike({ kind: 'black-hole' });
    client.socket.resetAndDestroy();
    await delay(30);
    expect(served[0]?.closed).toBe(false);
    proxy.calm();
    await eventually(() => served[0]?.closed === true);
  });
});

describe('a refusal', () => {
  it('closes the port to new connections, and reopens the same', async () => {
    const open = await joined();
    proxy.strike({ kind: 'refuse', forMs: 100 });
    expect((await join()).end).toBe('ECONNREFUSED');
    open.socket.write('!');
    await eventually(() => open.heard === 'HELLO!');
    await untilJoined();
  });

  it('resets the connection whose coming met it', async () => {
    proxy.inject(/^connect/, { kind: 'refuse' });
    const client = await join();
    await eventually(() => client.end !== undefined);
    expect(client.end).toBe('ECONNRESET');
    expect((await join()).end).toBe('ECONNREFUSED');
    proxy.calm();
    await joined();
  });

  it('lasts as long as the longest of several', async () => {
    proxy.strike({ kind: 'refuse' });
    proxy.strike({ kind: 'refuse', forMs: 10 });
    await delay(40);
    expect((await join()).end).toBe('ECONNREFUSED');
    proxy.calm();
    await joined();
  });

  it('ends when somebody else has left the port', async () => {
    proxy.strike({ kind: 'refuse' });
    const squatter = createServer((socket) => socket.destroy()).listen(proxy.port, '127.0.0.1');
    await once(squatter, 'listening');
    proxy.calm();
    await delay(80);
    squatter.close();
    await once(squatter, 'close');
    await untilJoined();
  });
});

async function untilJoined(): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if ((await join()).end !== 'ECONNREFUSED') break;
    await delay(10);
  }
  await joined();
}

describe('a storm', () => {
  const faults: TcpFault[] = [
    { kind: 'reset' },
    { kind: 'latency', ms: [1, 5] },
    { kind: 'black-hole', forMs: 20 },
  ];

  async function weathered(seed: number) {
    await using stormy = await startTcpFaultProxy({ host: '127.0.0.1', port });
    stormy.storm({ seed, rate: 0.4, faults, match: /^connect/ });
    for (let index = 0; index < 30; index += 1) {
      const client = await join(stormy.port);
      client.socket.end('hello');
      await eventually(() => client.end !== undefined);
    }
    return stormy.injected;
  }

  it('meets the same connections again for the same seed, and others for another', async () => {
    const injected = await weathered(5);
    expect(injected.length).toBeGreaterThan(4);
    expect(injected.length).toBeLessThan(26);
    expect(await weathered(5)).toEqual(injected);
    expect(await weathered(6)).not.toEqual(injected);
  });
});

describe('a proxy that stopped', () => {
  it.each([
    ['while it works', []],
    ['in a black hole', [{ kind: 'black-hole' }]],
    ['while it refuses', [{ kind: 'refuse', forMs: 600_000 }]],
  ] as const)('leaves nothing open %s', async (_when, strikes) => {
    await delay(200);
    const before = openHandles();
    const other = await startTcpFaultProxy({ host: '127.0.0.1', port });
    const client = await join(other.port);
    client.socket.write('hello');
    await eventually(() => client.heard === 'HELLO');
    for (const fault of strikes) other.strike(fault);
    other.inject(/^send 1/, { kind: 'latency', ms: 600_000 });
    client.socket.write('waiting');
    if (strikes.length === 0) await eventually(() => other.injected.length > 0);
    await Promise.all([other.stop(), other.stop()]);
    await eventually(() => client.end !== undefined && served[0]?.closed === true);
    expect(await leftOpen(before)).toEqual([]);
    other.calm();
    await delay(50);
    expect((await join(other.port)).end).toBe('ECONNREFUSED');
  });
});
