import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import { EVERY_TAG } from '../../../temporal/ids.js';
import { GENESIS, type DoneRequest, type Freeze } from '../tag/state.js';

/** Everything the platform's workflow is. Carried whole through continue-as-new. */
export interface PlatformState {
  schema: 1;
  /** Whose ledger it is. */
  tag: typeof EVERY_TAG;
  /** Last ledger number given; every entry is a freeze or its end, so this also numbers what the tags are told. */
  seq: number;
  head: string;
  /** Newest entries, oldest first: the last hundred and all that the journal does not have yet. */
  tail: LedgerEntry[];
  journaled: number;
  frozen: Freeze | null;
  /** Owning team by tag. */
  tags: Record<string, string>;
  /** Tags that have not acknowledged the newest entry. */
  pending: string[];
  done: DoneRequest[];
}

export const emptyPlatform = (): PlatformState => ({
  schema: 1,
  tag: EVERY_TAG,
  seq: 0,
  head: GENESIS,
  tail: [],
  journaled: 0,
  frozen: null,
  tags: {},
  pending: [],
  done: [],
});
