import { failure } from '../../../temporal/errors.js';
import { EVERY_TAG } from '../../../temporal/ids.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type { Run } from './answers.js';
import type { Mlflow } from './client.js';
import {
  createExperiment,
  ensureExperiment,
  findExperiment,
  type Experiment,
} from './experiments.js';
import {
  createKeyedRun,
  endRun,
  findKeyedRuns,
  markDuplicate,
  type KeyedRun,
} from './keyed-runs.js';
import { ensureRegisteredModel } from './registered-models.js';
import { OWN_TAGS } from './tags.js';

/** Holds the runs that are books rather than work, so that a tag's own experiment lists retrains only. */
const BOOKS_EXPERIMENT = 'modelyard';
const experimentName = (tag: string): string => `modelyard/${tag}`;
export const journalKey = (tag: string, page: number): string => `journal/${tag}/${String(page)}`;
const claimsKey = (tag: string): string => `claims/${tag}`;

/** Where the records of a tag are kept. */
export interface Home {
  experimentId: string;
  booksExperimentId: string;
  /** The run whose write-once params decide which run a key has. */
  claimsRunId: string;
  /** Page 0 of the journal, which also names the later pages. */
  journalRunId: string;
}

export interface Homes {
  /** null while nothing was recorded for the tag. */
  find(tag: string): Promise<Home | null>;
  ensure(tag: string): Promise<Home>;
}

/** Homes never move, so each is looked up once in a process; only a failed look-up is forgotten. */
export function createHomes(mlflow: Mlflow): Homes {
  const ensured = new Map<string, Promise<Home>>();
  return {
    async find(tag) {
      return (await ensured.get(tag)) ?? (await findHome(mlflow, tag));
    },
    async ensure(tag) {
      const known = ensured.get(tag) ?? ensureHome(mlflow, tag);
      ensured.set(tag, known);
      known.catch(() => ensured.delete(tag));
      return await known;
    },
  };
}

async function ensureHome(mlflow: Mlflow, tag: string): Promise<Home> {
  // The platform's own ledger is a journal like a tag's, and of no model.
  if (tag !== EVERY_TAG) await ensureRegisteredModel(mlflow, tag);
  return (await findHome(mlflow, tag)) ?? (await makeHome(mlflow, tag));
}

async function findHome(mlflow: Mlflow, tag: string): Promise<Home | null> {
  const experiment = await findExperiment(mlflow, experimentName(tag));
  if (experiment === null) return null;
  const books = await ensureExperiment(mlflow, BOOKS_EXPERIMENT);
  return homeIn(tag, experiment, books.experimentId);
}

/**
 * An experiment is created together with its tags, and its name is unique: whoever creates it settles for everybody
 * which runs hold the books.
 */
async function makeHome(mlflow: Mlflow, tag: string): Promise<Home> {
  const { experimentId: booksExperimentId } = await ensureExperiment(mlflow, BOOKS_EXPERIMENT);
  const claims = await ensureBook(mlflow, tag, {
    experimentId: booksExperimentId,
    key: claimsKey(tag),
  });
  const journal = await ensureBook(mlflow, tag, {
    experimentId: booksExperimentId,
    key: journalKey(tag, 0),
  });
  const experiment = await createExperiment(mlflow, experimentName(tag), {
    [REGISTRY_TAGS.tag]: tag,
    [OWN_TAGS.claims]: claims.runId,
    [OWN_TAGS.journal]: journal.runId,
  });
  const home = homeIn(tag, experiment, booksExperimentId);
  if (claims.runId !== home.claimsRunId) await markDuplicate(mlflow, claims, home.claimsRunId);
  if (journal.runId !== home.journalRunId) await markDuplicate(mlflow, journal, home.journalRunId);
  return home;
}

async function ensureBook(
  mlflow: Mlflow,
  tag: string,
  where: Pick<KeyedRun, 'experimentId' | 'key'>,
): Promise<Run> {
  const [found] = await findKeyedRuns(mlflow, where);
  if (found) return found;
  const startTimeMs = Date.now();
  const tags = { [REGISTRY_TAGS.tag]: tag, [OWN_TAGS.kind]: 'book' };
  const made = await createKeyedRun(mlflow, { ...where, startTimeMs, tags });
  // A book is never at work, and MLflow takes params of a finished run all the same.
  await endRun(mlflow, made.runId, 'FINISHED', startTimeMs);
  return made;
}

function homeIn(tag: string, experiment: Experiment, booksExperimentId: string): Home {
  const claimsRunId = experiment.tags[OWN_TAGS.claims];
  const journalRunId = experiment.tags[OWN_TAGS.journal];
  if (claimsRunId !== undefined && journalRunId !== undefined) {
    return { experimentId: experiment.experimentId, booksExperimentId, claimsRunId, journalRunId };
  }
  throw failure(
    'RegistryConflict',
    `experiment '${experimentName(tag)}': expected the tags ${OWN_TAGS.claims} and ${OWN_TAGS.journal}, got an experiment that somebody else made or changed; rename it`,
  );
}
