import type { Dispatcher } from 'undici';

/** Where the requests for a host's model go now. Found anew for every request: it is gone when the server's process is. */
export interface Serving {
  readonly origin: string;
  /** Of the POST that scores. */
  readonly path: string;
  readonly pool: Dispatcher;
  /** Requests handed to the pool and not answered yet; whoever sends one counts it. */
  inFlight: number;
  readonly hasRoom: boolean;
}
