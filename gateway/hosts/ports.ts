import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

const REMEMBERED = 4096;

/**
 * Free ports on one address, none of them twice in a long while: a connection meant for a model server that died must meet
 * nobody rather than another model.
 */
export class Ports {
  readonly #address: string;
  readonly #handedOut = new Set<number>();

  constructor(address: string) {
    this.#address = address;
  }

  remember(port: number): void {
    this.#handedOut.add(port);
    const [oldest] = this.#handedOut;
    if (this.#handedOut.size > REMEMBERED && oldest !== undefined) this.#handedOut.delete(oldest);
  }

  async next(): Promise<number> {
    for (;;) {
      const port = await freePort(this.#address);
      if (this.#handedOut.has(port)) continue;
      this.remember(port);
      return port;
    }
  }
}

async function freePort(address: string): Promise<number> {
  const server = createServer();
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
