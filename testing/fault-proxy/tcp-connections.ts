import type { Connection } from './tcp-connection.js';

/** All connections of a proxy, which meet a fault together. */
export interface Connections extends Pick<Connection, 'reset' | 'swallow'> {
  add: (connection: Connection) => void;
  /** Resolves when those of now are closed. */
  closed: () => Promise<unknown>;
}

export function createConnections(): Connections {
  const open = new Set<Connection>();
  /** For each hole that lasts, what ends it for each connection; it takes those that come meanwhile too. */
  const holes = new Set<(() => void)[]>();
  return {
    add: (connection) => {
      open.add(connection);
      void connection.closed.then(() => open.delete(connection));
      for (const ends of holes) ends.push(connection.swallow());
    },
    reset: () => {
      for (const connection of open) connection.reset();
    },
    swallow: () => {
      const ends = [...open].map((connection) => connection.swallow());
      holes.add(ends);
      return () => {
        holes.delete(ends);
        for (const end of ends) end();
      };
    },
    closed: () => Promise.all([...open].map((connection) => connection.closed)),
  };
}
