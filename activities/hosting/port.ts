import type { HostObservation, HostSpec } from '../../temporal/contracts/route.js';

export type KeptHost = Pick<HostSpec, 'name' | 'modelId'>;

/** Keeps model servers. A host serves exactly one model id; another model is another host. */
export interface Hosting {
  /** Creates the host or adopts the one of this name; one of this name with another spec is refused. */
  ensure(host: HostSpec): Promise<void>;
  /** 'ready' only after /ping answered 200 and the digest it loaded equals the spec's. */
  observe(name: string): Promise<HostObservation>;
  /** Gone when this resolves; a host that is gone already is fine. */
  retire(name: string): Promise<void>;
  /** All hosts this backend keeps, for finding orphans. */
  list(): Promise<KeptHost[]>;
}
