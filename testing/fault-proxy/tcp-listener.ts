import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

const REOPEN_EVERY_MS = 50;

/** A port that can be closed for a while and comes back as the same. */
export interface Listener {
  port: number;
  /** New connections are refused from now on, until what this gives is called. */
  refuse: () => () => void;
  /** Resolves when every connection it accepted is closed too. */
  stop: () => Promise<void>;
}

export async function listen(accept: (client: Socket) => void): Promise<Listener> {
  // A black hole swallows an end's good-bye, so Node must not answer it.
  const server = createServer({ allowHalfOpen: true }, accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  let refusals = 0;
  let retry: NodeJS.Timeout | undefined;
  const reopen = (): void => {
    if (refusals === 0 && !server.listening) server.listen(port, '127.0.0.1');
  };
  // Somebody else may have been given the port meanwhile.
  server.on('error', () => {
    retry = setTimeout(reopen, REOPEN_EVERY_MS);
  });
  server.on('listening', () => {
    if (refusals > 0) server.close();
  });
  const refuse = (): void => {
    refusals += 1;
    clearTimeout(retry);
    server.close();
  };
  return {
    port,
    refuse: () => {
      refuse();
      return () => {
        refusals -= 1;
        reopen();
      };
    },
    stop: async () => {
      refuse();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
