import { isCancellation, log, workflowInfo } from '@temporalio/workflow';
import type {
  Finding,
  Reconciled,
  ReconcileRequest,
  ReconcileResult,
} from '../temporal/contracts/reconcile.js';
import { EVERY_TAG, requestHash } from '../temporal/ids.js';
import { applicationFailure, isFailure } from '../temporal/errors.js';
import { adopt } from './adoption.js';
import { removeOrphans } from './orphans.js';
import { settings, looks, repairs } from './proxies.js';

/** Each is a command of its own tag; more at once only fill the workers. */
const AT_ONCE = 8;
const MOST_FINDINGS = 200;

interface Way {
  dryRun: boolean;
  adopt: boolean;
}

/** Compares what the stores hold with what the tags mean, puts right what differs, and removes what belongs to nobody. */
export async function reconcile(request?: ReconcileRequest | null): Promise<ReconcileResult> {
  const { tag, dryRun = false, everyMs = null, adopt: asked } = request ?? {};
  const adopt = asked ?? (await settings.onForeignAlias()) === 'adopt';
  const way = { dryRun, adopt };
  const findings = tag === undefined ? await sweep(everyMs, way) : await reconcileTag(tag, way);
  for (const finding of findings) log.warn('differs from what was meant', { ...finding });
  return { findings: findings.slice(0, MOST_FINDINGS) };
}

async function sweep(everyMs: number | null, way: Way): Promise<Finding[]> {
  const at = new Date().toISOString();
  const survey = await looks.surveyPlatform({ at, everyMs, adopt: way.adopt });
  const unavailable = survey.unavailable.map((store) => ({
    ...{ tag: EVERY_TAG, what: `could not be asked: ${store}`, repaired: false },
  }));
  const ofTags = await eachOf(survey.tags, (tag) => lookedAt(tag, way));
  const orphans = await removeOrphans(survey, { dryRun: way.dryRun, at });
  return [...unavailable, ...ofTags, ...orphans];
}

/** A tag that cannot be looked at must not keep the others from it. */
async function lookedAt(tag: string, way: Way): Promise<Finding[]> {
  try {
    return await reconcileTag(tag, way);
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (isFailure(error, 'UnknownTag')) return [];
    const said = applicationFailure(error)?.message ?? String(error);
    return [{ tag, what: `could not be reconciled: ${said}`, repaired: false }];
  }
}

async function reconcileTag(tag: string, way: Way): Promise<Finding[]> {
  const { findings, adopt: wanted } = await ask(tag, way);
  if (wanted === null || (await adopt(tag, wanted))) return findings;
  // The rollout that followed this very move came to nothing: the alias goes back.
  return (await ask(tag, { ...way, adopt: false })).findings;
}

function ask(tag: string, way: Way): Promise<Reconciled> {
  const { workflowId, runId } = workflowInfo();
  const key = `${workflowId}:${runId}:${tag}:${way.adopt ? 'adopt' : 'restore'}`;
  const asked = {
    actor: 'modelyard',
    reason: 'the stores are compared with what the tag means',
    workflowId,
    key,
    hash: requestHash('reconcile', tag, { key }),
  };
  return repairs.reconcileTag(tag, { asked, ...way });
}

async function eachOf(
  tags: readonly string[],
  work: (tag: string) => Promise<Finding[]>,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (let from = 0; from < tags.length; from += AT_ONCE) {
    const some = await Promise.all(tags.slice(from, from + AT_ONCE).map(work));
    found.push(...some.flat());
  }
  return found;
}
