import { createServer } from 'node:net';

import { setupError } from '../../temporal/server/setup-error.mjs';

const PORT_NAMES = ['temporal', 'temporalUi', 'mlflow', 'gateway'] as const;
export type PortName = (typeof PORT_NAMES)[number];
export type Ports = Record<PortName, number>;

const HOST = '127.0.0.1';

export interface PortChoice {
  told: Partial<Ports>;
  /** From the last start on the same directory. */
  remembered: Partial<Ports>;
  /** Those a running service of this stack holds itself. */
  held: ReadonlySet<PortName>;
}

export async function choosePorts(choice: PortChoice): Promise<Ports> {
  for (const name of PORT_NAMES) checkPort(name, choice.told[name]);
  const ports: Partial<Ports> = {};
  for (const name of PORT_NAMES) ports[name] = await choosePort(name, choice, Object.values(ports));
  return ports as Ports;
}

function checkPort(name: PortName, port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65_535)) return;
  throw setupError(
    `ports.${name} is ${String(port)}: expected a whole number from 1 to 65535, or leave it out to get a free one.`,
  );
}

async function choosePort(
  name: PortName,
  { told, remembered, held }: PortChoice,
  taken: readonly number[],
): Promise<number> {
  const [wanted, last] = [told[name], remembered[name]];
  if (last !== undefined && held.has(name)) {
    if (wanted === undefined || wanted === last) return last;
    throw setupError(
      `ports.${name} is ${String(wanted)}, but this stack already runs with ${String(last)}: stop it first, or leave the port out.`,
    );
  }
  if (wanted !== undefined) {
    if (!taken.includes(wanted) && (await isFree(wanted))) return wanted;
    throw setupError(
      `ports.${name} is ${String(wanted)}, which is in use: choose another one, or leave it out to get a free one.`,
    );
  }
  if (last !== undefined && !taken.includes(last) && (await isFree(last))) return last;
  return await freePort(taken);
}

export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

export async function freePort(taken: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port !== undefined && !taken.includes(port)) return port;
  }
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : undefined);
      });
    });
  });
}
