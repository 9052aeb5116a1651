import { sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, fourBytes, type Ed25519Key } from './ed25519.js';

interface HeldKey {
  comment: string;
  /** Absent: a key that only stands in the list. */
  key?: Ed25519Key;
  blob: Buffer;
}

export interface AgentBehaviour {
  keys: HeldKey[];
  /** What it does with a request: answers, says that it failed, says nothing, hangs up, or sends what is no message. */
  onList?: 'answer' | 'fail' | 'silence' | 'hang up' | 'babble';
  onSign?: 'answer' | 'fail' | 'silence' | 'hang up';
  /** Signs with this key, whichever was asked for. */
  signWith?: Ed25519Key;
  /** Sends its answers a byte at a time. */
  dribbles?: boolean;
}

export interface TestAgent extends AsyncDisposable {
  socket: string;
  /** The sign requests' data and flags, in order. */
  signed: { data: Buffer; flags: number }[];
}

const FAILURE = Buffer.of(5);

/** Speaks the agent's protocol (draft-ietf-sshm-ssh-agent) on a unix socket: lists keys (11, 12) and signs (13, 14). */
export async function startAgent(behaviour: AgentBehaviour): Promise<TestAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'modelyard-agent-'));
  const socket = join(directory, 'agent.sock');
  const signed: TestAgent['signed'] = [];
  const open = new Set<Socket>();
  const server = createServer((connection) => {
    open.add(connection);
    connection.on('error', () => undefined);
    let held = Buffer.alloc(0);
    connection.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
        const end = 4 + held.readUInt32BE();
        act(connection, held.subarray(4, end));
        held = held.subarray(end);
      }
    });
  });
  const act = (connection: Socket, request: Buffer): void => {
    const listing = request[0] === 11;
    const then = (listing ? behaviour.onList : behaviour.onSign) ?? 'answer';
    if (then === 'hang up') connection.destroy();
    else if (then === 'babble') connection.write(Buffer.alloc(64, 0xff));
    else if (then === 'fail') send(connection, FAILURE);
    else if (then === 'answer') send(connection, listing ? list() : signature(request.subarray(1)));
  };
  const send = (connection: Socket, message: Buffer): void => {
    const bytes = counted(message);
    if (!behaviour.dribbles) connection.write(bytes);
    else for (const byte of bytes) connection.write(Buffer.of(byte));
  };
  const list = (): Buffer =>
    Buffer.concat([
      Buffer.of(12),
      fourBytes(behaviour.keys.length),
      ...behaviour.keys.flatMap(({ blob, comment }) => [counted(blob), counted(comment)]),
    ]);
  const signature = (request: Buffer): Buffer => {
    const blob = request.subarray(4, 4 + request.readUInt32BE());
    const rest = request.subarray(4 + blob.length);
    const data = rest.subarray(4, 4 + rest.readUInt32BE());
    signed.push({ data, flags: rest.readUInt32BE(4 + data.length) });
    const key = behaviour.signWith ?? behaviour.keys.find((held) => held.blob.equals(blob))?.key;
    if (key === undefined) return FAILURE;
    const content = [counted('ssh-ed25519'), counted(sign(null, data, key.privateKey))];
    return Buffer.concat([Buffer.of(14), counted(Buffer.concat(content))]);
  };
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    signed,
    async [Symbol.asyncDispose]() {
      for (const connection of open) connection.destroy();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const held = (key: Ed25519Key, comment: string): HeldKey => ({
  key,
  comment,
  blob: key.blob,
});
/** A key of a type that an agent may hold and nobody signs statements with. */
export const heldRsa = (comment: string): HeldKey => ({ comment, blob: counted('ssh-rsa') });
