import type { Approval, ApprovalState } from '../../../temporal/contracts/approval.js';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { LedgerAction, LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { ModelRecord } from '../../../temporal/contracts/model.js';
import type { Notice } from '../../../temporal/contracts/notice.js';
import type { HostSpec, Route } from '../../../temporal/contracts/route.js';
import type { Asked, BeginRolloutCommand } from '../../../temporal/contracts/tag.js';
import type { FailureType } from '../../../temporal/errors.js';
import { LOGIC, type Logic } from './logic.js';

/** Everything a tag is. Carried whole through continue-as-new; changed by `transition` alone. */
export interface TagState {
  schema: 2;
  /** Version of `transition` this state is moved by (logic.ts); goes forward only when the workflow continues as new. */
  logic: Logic;
  tag: string;
  definition: Defined | null;
  /** Last ledger number given; gapless. */
  seq: number;
  /** Last fence taken by a route write; gaps allowed. */
  fence: number;
  /** Hash of the newest entry. */
  head: string;
  /** Newest entries, oldest first: the last TAIL and all that the journal does not have yet. */
  tail: LedgerEntry[];
  live: number | null;
  liveSince: string | null;
  /** Ledger number that made `live` live; approvals bind to it. */
  liveSeq: number | null;
  /** Who approved the live model, and for which run. */
  liveApproved: { rollout: string; given: Approval[] } | null;
  /** The run that made `live` live, as long as it may watch it. */
  liveRun: string | null;
  /** Signatures that have been used, until they expire: none counts twice. */
  signatures: { digest: string; until: string }[];
  /** Distinct versions that were live and are not now, oldest first. */
  stack: number[];
  /** What is needed to serve a version while the registry is away. */
  models: Record<string, ModelRecord>;
  hosts: Record<string, HostState>;
  lease: Lease | null;
  /** The lease that a newer candidate took, so that its run is told so. */
  superseded: string | null;
  /** The one candidate that waits for its turn; the latest wins. */
  queue: Ticket | null;
  tickets: number;
  quarantined: Record<string, { by: string; reason: string; at: string }>;
  /** Released lately, so that the registry stops showing them as quarantined. */
  released: number[];
  frozen: Freeze | null;
  /** The platform's freeze of every tag; holds beside the tag's own. */
  platformFrozen: Freeze | null;
  /** One mirror of live traffic at a time; the entity ends it by itself at its `until`. */
  shadow: ShadowLease | null;
  /** Out of service for good, until a definition is applied again. */
  retired: { by: string; reason: string; at: string } | null;
  /** What runs have still to be told, oldest first. */
  notices: { workflowId: string; notice: Notice }[];
  /** People who triggered or backfilled slots: no approvers of what comes of them. */
  triggers: { from: string; until: string; actor: string }[];
  /** Whether the platform's workflow lists this tag, and so reaches it with its freezes. */
  registered: boolean;
  intent: Intent | null;
  /** What the route store last answered. Out of sync: the route in force is unknown and is written again. */
  serving: { inSync: boolean; fence: number };
  done: DoneRequest[];
  journaled: number;
  /** Digest of the projection MLflow was last made equal to. */
  projected: string | null;
  /** Digest of the schedule that was last applied to Temporal. */
  scheduled: string | null;
  lastRun: { workflowId: string; decision: string | null; finishedAt: string | null } | null;
}

export interface Defined {
  definition: ModelDefinition;
  digest: string;
  codeUri: string;
  codeRevision: string;
  definedBy: string;
}

export interface HostState {
  spec: HostSpec;
  version: number;
  /** Kept at least until then though no route names it. */
  warmUntil: string | null;
  ready: boolean;
  /** A run brings it up for a window to come, and gives it back, or loses it then. */
  held?: { by: string; until: string };
  /** Marked before it is retired, so that nothing begins to rely on it. */
  retiring: boolean;
}

export interface Freeze {
  by: string;
  reason: string;
  until: string | null;
}

export interface ShadowLease {
  id: string;
  workflowId: string;
  version: number;
  samplingPercent: number;
  until: string;
}

export interface Lease {
  id: string;
  workflowId: string;
  version: number;
  weightPercent: number;
  /** A candidate that waits so carries no traffic, or no more than it had, and is not what a rollback leaves. */
  waitingFor: 'shadow' | 'approval' | 'window' | null;
  /** `judgingDigest` when the lease was granted: another one in force, and the candidate was judged by other rules. */
  judgedUnder: string | null;
  approval: ApprovalState | null;
  requesters: string[];
  breakGlass: boolean;
  /** The entity ends the lease itself when this passes without a renewal. */
  deadline: string;
  expectedLive: number | null;
  host: string;
  actor: string;
  reason: string;
  evidence: string[];
}

export interface Ticket {
  number: number;
  workflowId: string;
  command: BeginRolloutCommand;
}

/** One route write that is decided and not settled. `entry` is what the ledger will say of it. */
export interface Intent {
  fence: number;
  route: Route;
  entry: EntryDraft;
  /** Live version once applied. */
  live: number | null;
  /** The candidate's share of the traffic once applied; absent: as it is. */
  weightPercent?: number;
  /** The mirror once applied; absent: as it is. */
  shadow?: ShadowLease;
  /** A soft intent yields to rollback and demote; theirs yields to nothing. */
  soft: boolean;
}

export interface EntryDraft {
  action: LedgerAction;
  from: number | null;
  to: number | null;
  actor: string;
  reason: string;
  workflowId: string;
  evidence: string[];
}

/** A caller's request that was answered, or a run's step; kept so that the same one gets the same answer. */
export interface DoneRequest {
  key: string;
  hash: string;
  at: string;
  kind: 'caller' | 'step';
  result: unknown;
  /** Characters of the answer as JSON: what it adds to the state that continue-as-new carries. */
  size: number;
}

export interface Refusal {
  type: FailureType;
  message: string;
  details: Record<string, unknown>;
}

export type Outcome<Result = unknown> =
  { refused: Refusal } | { refused?: never; state: TagState; result: Result };

export const refuse = (
  type: FailureType,
  message: string,
  details: Record<string, unknown> = {},
): { refused: Refusal } => ({ refused: { type, message, details } });

export const TAIL = 100;
export const STACK = 20;
export const GENESIS = `sha256:${'0'.repeat(64)}`;

export function emptyTag(tag: string, logic: Logic = LOGIC): TagState {
  return {
    schema: 2,
    logic,
    tag,
    definition: null,
    seq: 0,
    fence: 0,
    head: GENESIS,
    tail: [],
    live: null,
    liveSince: null,
    liveSeq: null,
    liveApproved: null,
    liveRun: null,
    signatures: [],
    stack: [],
    models: {},
    hosts: {},
    lease: null,
    superseded: null,
    queue: null,
    tickets: 0,
    quarantined: {},
    released: [],
    frozen: null,
    platformFrozen: null,
    shadow: null,
    retired: null,
    notices: [],
    triggers: [],
    registered: false,
    intent: null,
    serving: { inSync: true, fence: 0 },
    done: [],
    journaled: 0,
    projected: null,
    scheduled: null,
    lastRun: null,
  };
}

export const draft = (
  action: LedgerAction,
  from: number | null,
  to: number | null,
  asked: Asked,
): EntryDraft => ({
  action,
  from,
  to,
  actor: asked.actor,
  reason: asked.reason,
  workflowId: asked.workflowId,
  evidence: [],
});
