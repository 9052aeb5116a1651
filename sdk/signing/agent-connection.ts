import { connect, type Socket } from 'node:net';
import { SshReader, sshString } from './ssh-wire.js';

/** OpenSSH's own bound on a message; what claims more is no agent. */
const LONGEST_MESSAGE = 256 * 1024;

/** An agent's answer: its message type and what follows it. */
export interface AgentAnswer {
  type: number;
  content: SshReader;
}

/** A conversation with an agent over its unix socket: one answer for each request, in order. */
export class AgentConnection implements Disposable {
  readonly #socket: Socket;
  readonly #answers: AsyncGenerator<Buffer, undefined>;

  /** The signal ends the conversation, and with it the request that waits. */
  constructor(path: string, signal: AbortSignal) {
    this.#socket = connect({ path, signal });
    this.#answers = messagesOf(this.#socket);
  }

  /** Rejects with the socket's own error, or with RangeError when what comes is not an agent's answer. */
  async request(message: Buffer): Promise<AgentAnswer> {
    this.#socket.write(sshString(message));
    const { value, done } = await this.#answers.next();
    if (done === true) throw new RangeError('expected an answer, and the agent hung up');
    const content = new SshReader(value);
    return { type: content.byte(), content };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

async function* messagesOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer]);
    for (let length = lengthIn(held); length !== null; length = lengthIn(held)) {
      yield held.subarray(4, 4 + length);
      held = held.subarray(4 + length);
    }
  }
  return undefined;
}

/** The length of the first message, once it is there as a whole. */
function lengthIn(held: Buffer): number | null {
  if (held.length < 4) return null;
  const length = held.readUInt32BE();
  if (length > LONGEST_MESSAGE)
    throw new RangeError(`expected a message of an agent, got one of ${String(length)} bytes`);
  return held.length >= 4 + length ? length : null;
}
