import type { HostObservation, HostSpec } from '../../temporal/contracts/route.js';
import type { Instance } from './instance.js';
import { KeptServer, type ServerView } from './kept-server.js';
import type { ServerParts } from './launcher.js';
import { dedicatedServer } from './plan.js';
import type { Serving } from './serving.js';

/** A host as the admin API shows it. */
export interface HostView extends HostObservation {
  name: string;
  modelId: string;
  kind: 'dedicated' | 'shared';
  pid: number | null;
  port: number | null;
  restarts: number;
}

/** Something that serves one model, until it is stopped. */
export interface Host {
  readonly spec: HostSpec;
  readonly stopping: boolean;
  /** Where requests may go; undefined while the model is not loaded. */
  readonly serving: Serving | undefined;
  /** Resolves when nothing serves the model any more, with its requests in flight answered. */
  stop(): Promise<void>;
  view(): HostView;
}

export const viewOf = (
  { name, modelId, kind = 'dedicated' }: HostSpec,
  server: ServerView,
): HostView => ({
  name,
  modelId,
  kind,
  ...server,
});

/** A model on a server of its own. */
export class DedicatedHost implements Host {
  readonly spec: HostSpec;
  readonly #server: KeptServer;

  constructor(spec: HostSpec, parts: ServerParts) {
    this.spec = spec;
    this.#server = new KeptServer(dedicatedServer(spec), parts);
  }

  /** Goes on with the given process, or begins with a new one. */
  run(adopted?: Instance): void {
    this.#server.run(adopted);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  get stopping(): boolean {
    return this.#server.stopping;
  }

  get serving(): Serving | undefined {
    return this.#server.serving;
  }

  view(): HostView {
    return viewOf(this.spec, this.#server.view());
  }
}
