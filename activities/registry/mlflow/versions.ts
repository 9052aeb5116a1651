import { failure } from '../../../temporal/errors.js';
import { REGISTRY_TAGS, RUN_ARTIFACTS } from '../../../temporal/names.js';
import { parseBelowRoots } from '../../artifacts/roots.js';
import type { Registration, Registry } from '../port.js';
import {
  Done,
  ModelVersionAnswer,
  ModelVersionPage,
  type ModelVersion,
  type Run,
} from './answers.js';
import { claim, getRun } from './claims.js';
import type { Mlflow } from './client.js';
import { createOrFind } from './create-or-find.js';
import { allPages } from './pages.js';
import type { Parts } from './parts.js';
import { quoted, tagPairs } from './tags.js';
import { storedTags } from './version-tags.js';

/** On the run: the one version that was registered from it. */
const VERSION_PARAM = 'modelyard.version';
const MAX_SOURCE_CHARACTERS = 500;
const PAGE = 1_000;

type Versions = Pick<Registry, 'registerVersion' | 'annotateVersion'>;

export function createVersions({ mlflow, homes, artifacts, roots }: Parts): Versions {
  /** The artifacts come first, so that whoever finds the version finds what its tags refer to. */
  async function register(registration: Registration): Promise<ModelVersion> {
    const run = await getRun(mlflow, registration.runId);
    const stored = storedTags(versionTags(registration));
    await artifacts.write(run.artifactUri, {
      ...stored.documents,
      [RUN_ARTIFACTS.trainResult]: registration.result,
    });
    return await createVersion(mlflow, registration, stored.tags);
  }

  return {
    async registerVersion(registration) {
      const { tag, result } = registration;
      admitSource(result.model.uri, roots);
      await homes.ensure(tag);
      const found = await versionsOfKey(mlflow, registration);
      const version = found[0] ?? (await register(registration));
      refuseOtherContent(registration, version);
      const winner = await claimVersion(mlflow, registration, version.version);
      const losers = [version, ...found.slice(1)].filter((each) => each.version !== winner);
      for (const loser of losers)
        await markDuplicate(mlflow, tag, { loser: loser.version, winner });
      return { version: winner };
    },

    async annotateVersion(tag, version, tags) {
      for (const { key, value } of tagPairs(tags, 'model')) {
        await setVersionTag(mlflow, { tag, version }, { key, value });
      }
    },
  };
}

/** Marks versions of the run that landed after another one of the same key had been settled on. */
export async function sweepDuplicateVersions(mlflow: Mlflow, run: Run): Promise<void> {
  const tag = run.tags[REGISTRY_TAGS.tag];
  const winner = Number(run.params[VERSION_PARAM]);
  if (tag === undefined || !Number.isInteger(winner)) return;
  for (const { version, tags } of await versionsOfRun(mlflow, tag, run.runId)) {
    const isStray = version !== winner && tags[REGISTRY_TAGS.duplicateOf] === undefined;
    if (isStray) await markDuplicate(mlflow, tag, { loser: version, winner });
  }
}

export async function setVersionTag(
  mlflow: Mlflow,
  { tag, version }: { tag: string; version: number },
  { key, value }: { key: string; value: string },
): Promise<void> {
  const body = { name: tag, version: String(version), key, value };
  await mlflow.call(`tag ${tag}/${String(version)}`, Done, (api) =>
    api.POST('/api/2.0/mlflow/model-versions/set-tag', { body }),
  );
}

/** Lowest version first, as they were created. */
export async function searchVersions(mlflow: Mlflow, filter: string): Promise<ModelVersion[]> {
  return await allPages((token) => {
    const query = {
      filter,
      max_results: PAGE,
      order_by: ['version_number ASC'],
      ...(token !== undefined && { page_token: token }),
    };
    return mlflow.call('search model versions', ModelVersionPage, (api) =>
      api.GET('/api/2.0/mlflow/model-versions/search', { params: { query } }),
    );
  });
}

function admitSource(uri: string, roots: readonly string[]): void {
  parseBelowRoots(uri, roots);
  if (uri.length <= MAX_SOURCE_CHARACTERS) return;
  throw failure(
    'InvalidRequest',
    `model uri: expected at most ${String(MAX_SOURCE_CHARACTERS)} characters, got ${String(uri.length)}`,
  );
}

function versionTags({ tags, key, tag, result }: Registration): Record<string, string> {
  return {
    [REGISTRY_TAGS.files]: JSON.stringify(result.model.files),
    ...tags,
    [REGISTRY_TAGS.key]: key,
    [REGISTRY_TAGS.tag]: tag,
    [REGISTRY_TAGS.digest]: result.model.digest,
  };
}

async function createVersion(
  mlflow: Mlflow,
  registration: Registration,
  tags: Record<string, string>,
): Promise<ModelVersion> {
  const { tag, key, runId, result } = registration;
  const body = {
    name: tag,
    source: result.model.uri,
    run_id: runId,
    model_id: result.model.loggedModelId,
    tags: tagPairs(tags, 'model'),
  };
  return await createOrFind(
    () =>
      mlflow.call(`register the version of ${key}`, ModelVersionAnswer, (api) =>
        api.POST('/api/2.0/mlflow/model-versions/create', { body }),
      ),
    async () => (await versionsOfKey(mlflow, registration))[0],
  );
}

/** A key whose version holds another model was used for another training: the caller must not get that one. */
function refuseOtherContent({ key, result }: Registration, { version, tags }: ModelVersion): void {
  const registered = tags[REGISTRY_TAGS.digest];
  if (registered === result.model.digest) return;
  throw failure(
    'RegistryConflict',
    `${key}: version ${String(version)} is registered for it with ${String(registered)}, not ${result.model.digest}; use a new idempotency key`,
    { details: { version, expected: result.model.digest, actual: registered ?? null } },
  );
}

/** Name and run id make the search cheap; a filter on a tag's value reads every version of the workspace. */
async function versionsOfRun(mlflow: Mlflow, tag: string, runId: string): Promise<ModelVersion[]> {
  return await searchVersions(mlflow, `name = ${quoted(tag)} AND run_id = ${quoted(runId)}`);
}

async function versionsOfKey(
  mlflow: Mlflow,
  { tag, runId, key }: Registration,
): Promise<ModelVersion[]> {
  const versions = await versionsOfRun(mlflow, tag, runId);
  return versions.filter(
    ({ tags }) => tags[REGISTRY_TAGS.key] === key && tags[REGISTRY_TAGS.duplicateOf] === undefined,
  );
}

async function claimVersion(
  mlflow: Mlflow,
  { runId, key }: Registration,
  version: number,
): Promise<number> {
  const { value } = await claim(mlflow, runId, VERSION_PARAM, String(version));
  const winner = Number(value);
  if (Number.isInteger(winner) && winner > 0) return winner;
  throw failure(
    'RegistryConflict',
    `${key}: run ${runId} names version ${JSON.stringify(value)}, expected a number`,
    {
      details: { runId, value },
    },
  );
}

/** Never deleted: an alias may have been set on it by hand, and its number would not come back anyway. */
async function markDuplicate(
  mlflow: Mlflow,
  tag: string,
  { loser, winner }: { loser: number; winner: number },
): Promise<void> {
  const value = String(winner);
  await setVersionTag(mlflow, { tag, version: loser }, { key: REGISTRY_TAGS.duplicateOf, value });
}
