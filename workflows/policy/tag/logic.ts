import type { Lease, TagState } from './state.js';

/**
 * Versions of `transition`. A tag's workflow keeps the one it started with, so that its history replays, and takes the newest
 * when it continues as new, at the latest after a day. The last two are kept.
 */
export type Logic = 1 | 2;
export const LOGIC: Logic = 2;

interface Rules {
  /** A change of the judging part of the definition ends a lease at its next step, not only at its beginning. */
  definitionHoldsToTheCommit: boolean;
  /** Runs are told when the tag takes something from them. */
  runsAreTold: boolean;
  /** A new rollback target is warmed as soon as it is one. */
  targetIsWarmedAtOnce: boolean;
  /** No host is retired while the route in force is not known to be the one that the state means. */
  hostsOutliveTheirRoutes: boolean;
  /** A candidate that is quarantined is in flight no more. */
  quarantineEndsTheLease: boolean;
  /** Lanes go on in an order of their own (workflows/turns.ts). */
  lanesTakeTurns: boolean;
  /** The worker says who asks for a rollout, before the tag hears of it. */
  rolloutsAreAuthorized: boolean;
  /** The tag makes itself known to the platform, and so hears of its freezes. */
  tagsRegister: boolean;
}

const FIRST: Rules = {
  definitionHoldsToTheCommit: false,
  runsAreTold: false,
  targetIsWarmedAtOnce: false,
  hostsOutliveTheirRoutes: false,
  quarantineEndsTheLease: false,
  lanesTakeTurns: false,
  rolloutsAreAuthorized: false,
  tagsRegister: false,
};
const SECOND: Rules = {
  definitionHoldsToTheCommit: true,
  runsAreTold: true,
  targetIsWarmedAtOnce: true,
  hostsOutliveTheirRoutes: true,
  quarantineEndsTheLease: true,
  lanesTakeTurns: true,
  rolloutsAreAuthorized: true,
  tagsRegister: true,
};
const RULES: Record<Logic, Rules> = { 1: FIRST, 2: SECOND };

export const rulesOf = ({ logic }: Pick<TagState, 'logic'>): Rules => RULES[logic];

/** A state of schema 1, as a workflow of the version before may carry it. */
export type FirstSchema = Omit<
  TagState,
  | 'schema'
  | 'lease'
  | 'liveApproved'
  | 'liveRun'
  | 'signatures'
  | 'platformFrozen'
  | 'shadow'
  | 'retired'
  | 'notices'
  | 'triggers'
  | 'registered'
> & {
  schema: 1;
  lease: Omit<
    Lease,
    'waitingFor' | 'judgedUnder' | 'approval' | 'requesters' | 'breakGlass'
  > | null;
};

/** The shape of today with what an older one held. Which `transition` moves it is another question: that is `logic`. */
export function migrated(state: TagState | FirstSchema): TagState {
  if (state.schema === 2) return state;
  return {
    ...state,
    schema: 2,
    lease: state.lease && {
      ...state.lease,
      waitingFor: null,
      judgedUnder: null,
      approval: null,
      requesters: [state.lease.actor],
      breakGlass: false,
    },
    liveApproved: null,
    liveRun: null,
    signatures: [],
    platformFrozen: null,
    shadow: null,
    retired: null,
    notices: [],
    triggers: [],
    registered: false,
  };
}
