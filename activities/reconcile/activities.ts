import type { Observation, Orphan, Survey } from '../../temporal/contracts/reconcile.js';
import { confirmRoute } from './confirmation.js';
import { observe, type Stores } from './observe.js';
import { removeOrphan } from './removal.js';
import { survey, type SurveyRequest } from './survey.js';

export function createReconcileActivities(
  stores: Stores,
  settings: { onForeignAlias: 'restore' | 'adopt' },
) {
  return {
    /** What becomes of a champion alias that was moved by hand, where the request does not say. */
    onForeignAlias: (): Promise<'restore' | 'adopt'> => Promise.resolve(settings.onForeignAlias),

    /** What the stores hold of a tag, and whether the run that holds its lease is closed. */
    observeTag: ({ tag, holder }: { tag: string; holder: string | null }): Promise<Observation> =>
      observe(stores, tag, { holder }),

    /** Fails with RouteMismatch until the route in force is the one that the tag means, without a mirror to that model. */
    confirmRoute: (asked: { tag: string; mirrored: string }): Promise<void> =>
      confirmRoute(stores, asked),

    /** The tags with something to put right, and what belongs to nobody. */
    surveyPlatform: (request: SurveyRequest): Promise<Survey> => survey(stores, request),

    removeOrphan: ({ orphan, at }: { orphan: Orphan; at: string }): Promise<boolean> =>
      removeOrphan(stores, orphan, at),
  };
}
export type ReconcileActivities = ReturnType<typeof createReconcileActivities>;
