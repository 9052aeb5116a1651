import { z } from 'zod';
import { failure } from '../../../temporal/errors.js';
import { RegisteredModel } from '../../../temporal/contracts/model.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import { parseBelowRoots } from '../../artifacts/roots.js';
import type { Registry } from '../port.js';
import { ModelVersionAnswer, type ModelVersion } from './answers.js';
import { getRun } from './claims.js';
import { isRefusal } from './errors.js';
import type { Parts } from './parts.js';
import { wholeTags } from './version-tags.js';

/** A tag whose text is JSON; absent is null. */
const JsonTag = z
  .string()
  .optional()
  .transform((text, context): unknown => {
    if (text === undefined) return null;
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'expected JSON' });
      return z.NEVER;
    }
  });

const VersionTags = z.object({
  [REGISTRY_TAGS.features]: JsonTag,
  [REGISTRY_TAGS.trainedOn]: JsonTag,
  [REGISTRY_TAGS.serving]: JsonTag,
  [REGISTRY_TAGS.files]: JsonTag,
});

export function createResolve({ mlflow, artifacts, roots }: Parts): Pick<Registry, 'resolve'> {
  async function whole(found: ModelVersion): Promise<Record<string, string>> {
    let artifactUri: Promise<string> | undefined;
    return await wholeTags(found.tags, async (path) => {
      artifactUri ??= getRun(mlflow, found.runId).then((run) => run.artifactUri);
      return await artifacts.read(await artifactUri, path);
    });
  }

  return {
    async resolve(tag, version) {
      const name = `${tag}/${String(version)}`;
      const query = { name: tag, version: String(version) };
      const found = await mlflow
        .call(`read ${name}`, ModelVersionAnswer, (api) =>
          api.GET('/api/2.0/mlflow/model-versions/get', { params: { query } }),
        )
        .catch((error: unknown) => {
          throw isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')
            ? unknownModel(name, 'is not in MLflow')
            : error;
        });
      if (found.version !== version) {
        throw failure(
          'RegistryRefused',
          `read ${name}: MLflow answered with version ${String(found.version)}`,
        );
      }
      admit(name, found);
      parseBelowRoots(found.source, roots);
      return registeredModel({ tag, name, version: { ...found, tags: await whole(found) } });
    },
  };
}

function admit(name: string, { tags }: ModelVersion): void {
  const original = tags[REGISTRY_TAGS.duplicateOf];
  if (original !== undefined) throw unknownModel(name, `is a duplicate of version ${original}`);
  if (tags[REGISTRY_TAGS.digest] === undefined) {
    throw unknownModel(
      name,
      `has no tag ${REGISTRY_TAGS.digest}: it was not registered by a retrain`,
    );
  }
}

function registeredModel(from: {
  tag: string;
  name: string;
  version: ModelVersion;
}): RegisteredModel {
  const { tags, version, source, runId } = from.version;
  const read = VersionTags.safeParse(tags);
  const model = RegisteredModel.safeParse({
    tag: from.tag,
    version,
    digest: tags[REGISTRY_TAGS.digest],
    uri: source,
    task: tags[REGISTRY_TAGS.task],
    features: read.data?.[REGISTRY_TAGS.features],
    trainedOn: read.data?.[REGISTRY_TAGS.trainedOn],
    serving: read.data?.[REGISTRY_TAGS.serving],
    files: read.data?.[REGISTRY_TAGS.files],
    registryRunId: runId,
    tags: Object.fromEntries(Object.entries(tags).filter(([key]) => isShownAsTag(key))),
    gate: gateOf(tags),
  });
  if (model.success) return model.data;
  throw failure(
    'RegistryConflict',
    `${from.name}: its tags are not what was recorded: ${z.prettifyError(read.error ?? model.error)}`,
    {
      details: { modelId: from.name },
    },
  );
}

/** Tags with a field of their own may be long, and the model they describe stands in histories. */
const isShownAsTag = (key: string): boolean =>
  key.startsWith('modelyard.') && !(key in VersionTags.shape);

function gateOf(tags: Record<string, string>): RegisteredModel['gate'] {
  const verdict = tags[REGISTRY_TAGS.gateVerdict];
  if (verdict === undefined) return null;
  const incumbent = Number(tags[REGISTRY_TAGS.gateIncumbent] ?? '');
  return {
    verdict,
    incumbent: incumbent > 0 ? incumbent : null,
    policyDigest: tags[REGISTRY_TAGS.gatePolicy] ?? '',
    judgedUnder: tags[REGISTRY_TAGS.judgedUnder] ?? '',
  };
}

function unknownModel(name: string, why: string): Error {
  return failure('UnknownModel', `${name} ${why}`, { details: { modelId: name } });
}
