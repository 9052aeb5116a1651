import { once } from 'node:events';
import type { Socket } from 'node:net';

/** Called before a chunk goes on; the chunk waits for it. */
export type Gate = (direction: 'send' | 'receive') => Promise<void>;

/** A client's socket and the one to the server. */
export interface Connection {
  reset: () => void;
  /** Swallows what both ends say, until what this gives is called. */
  swallow: () => () => void;
  /** Begins to carry chunks from end to end. */
  relay: (gate: Gate) => void;
  /** Resolves when both ends are closed. */
  closed: Promise<unknown>;
}

/** Two sockets with `allowHalfOpen`, which nobody reads from yet. */
export function createConnection(client: Socket, server: Socket): Connection {
  let holes = 0;
  let lost = false;

  const reset = (): void => {
    resetEnd(client);
    resetEnd(server);
  };
  /** True when a hole takes what was said, so that the other end never hears of it. */
  const swallowed = (): boolean => {
    if (holes > 0) lost = true;
    return holes > 0;
  };
  const carry = (from: Socket, to: Socket, gate: () => Promise<void>): void => {
    const pass = async (chunk: Buffer): Promise<void> => {
      await gate();
      if (swallowed() || to.destroyed) return;
      if (!to.write(chunk)) await once(to, 'drain');
    };
    from.on('data', (chunk: Buffer) => {
      from.pause();
      pass(chunk).then(() => from.resume(), reset);
    });
    from.on('end', () => {
      if (!swallowed()) to.end();
    });
  };
  const closing = (from: Socket, to: Socket): Promise<void> =>
    new Promise((resolve) => {
      from.on('error', () => undefined);
      from.on('close', () => {
        const said = from.readableEnded && from.writableFinished;
        if (!swallowed() && !said) resetEnd(to);
        resolve();
      });
    });

  return {
    reset,
    swallow: () => {
      holes += 1;
      return () => {
        holes -= 1;
        if (holes === 0 && lost) reset();
      };
    },
    relay: (gate) => {
      carry(client, server, () => gate('send'));
      carry(server, client, () => gate('receive'));
    },
    closed: Promise.all([closing(client, server), closing(server, client)]),
  };
}

function resetEnd(socket: Socket): void {
  if (socket.destroyed) return;
  // Node would wait for the connection to be there before it resets it.
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
