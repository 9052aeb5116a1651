import type { ModelDefinition } from '../temporal/contracts/definition.js';
import { WORKFLOWS } from '../temporal/names.js';
import { ListModelsArguments, parseTag } from './arguments.js';
import { mapConcurrently } from './concurrency.js';
import { withoutPlace, definitionDigest } from './definition-digest.js';
import { loadDefinition, type LoadedDefinition } from './definition-source.js';
import { diff } from './diff.js';
import { ModelyardError, UnknownTagError } from './errors.js';
import type { Session } from './session.js';
import { asked, defineTag, definitionInForce } from './tag-entity.js';
import { tagStatus } from './tag-status.js';
import type { ApplyResult, TagStatus } from './types.js';
import { parseArguments } from './issues.js';
import { fromService } from './service-errors.js';

const CONCURRENT_QUERIES = 8;

export interface ListModelsOptions {
  owner?: string;
  family?: string;
  tier?: ModelDefinition['tier'];
  state?: 'live' | 'empty' | 'frozen' | 'busy';
}

interface PackedDefinition {
  definition: ModelDefinition;
  digest: string;
  codeUri: string;
  codeRevision: string;
}

/** What teams declare for their tags. */
export class Models {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Creates or updates a tag's definition and says what changed. The code travels first, so that no definition ever
   * names an archive that is not there. `dryRun` writes nothing.
   */
  async apply(
    source: ModelDefinition | { file: string },
    options: { dryRun?: boolean } = {},
  ): Promise<ApplyResult> {
    const packed = await this.#pack(await loadDefinition(source), options.dryRun === true);
    const { definition, digest } = packed;
    const before = await this.#inForce(definition.tag);
    if (options.dryRun === true) return compare(packed, before);
    const request = {
      method: 'define',
      tag: definition.tag,
      fields: { digest },
      reason: `definition applied at ${packed.codeRevision}`.slice(0, 400),
    };
    const outcome = await defineTag(this.#session, {
      asked: asked(this.#session, request),
      ...packed,
    });
    return {
      tag: definition.tag,
      digest: outcome.digest,
      changed: outcome.changed,
      diff: outcome.changed ? difference(before, definition) : [],
    };
  }

  async get(tag: string): Promise<ModelDefinition> {
    const view = await definitionInForce(this.#session, parseTag('models.get', tag));
    return view.definition;
  }

  /** From Temporal's visibility, which lags by moments: for people and reports, never for decisions. */
  async *list(options: ListModelsOptions = {}): AsyncGenerator<TagStatus> {
    parseArguments('models.list', { options: ListModelsArguments }, { options });
    const statuses = mapConcurrently(this.#tags(), CONCURRENT_QUERIES, (tag) =>
      this.#listed(tag, options),
    );
    for await (const status of statuses) if (status !== null) yield status;
  }

  async *#tags(): AsyncGenerator<string> {
    const query = `WorkflowType = '${WORKFLOWS.tag}' AND ExecutionStatus = 'Running'`;
    try {
      for await (const { workflowId } of this.#session.client.workflow.list({ query })) {
        yield workflowId.slice('tag/'.length);
      }
    } catch (error) {
      throw fromService(this.#session, error);
    }
  }

  async #listed(tag: string, options: ListModelsOptions): Promise<TagStatus | null> {
    if (options.family !== undefined && !tag.startsWith(`${options.family}.`)) return null;
    try {
      const status = await tagStatus(this.#session, tag);
      if (options.owner !== undefined && status.owner !== options.owner) return null;
      if (options.state !== undefined && !isInState(status, options.state)) return null;
      if (options.tier === undefined) return status;
      const { definition } = await definitionInForce(this.#session, tag);
      return (definition.tier ?? 'standard') === options.tier ? status : null;
    } catch (error) {
      // A tag may end between the listing and the question.
      if (error instanceof UnknownTagError) return null;
      throw error;
    }
  }

  async #pack(
    { definition, codeDirectory, notCode }: LoadedDefinition,
    dryRun: boolean,
  ): Promise<PackedDefinition> {
    const { code } = definition.training;
    if (code.kind === 'image' || codeDirectory === null) return packedImage(definition);
    // Loaded late: importing the package must not cost what only `apply` needs.
    const [{ packCode }, { storeCode, codeUri }, { gitRevision }] = await Promise.all([
      import('./code-archive.js'),
      import('./code-store.js'),
      import('./code-revision.js'),
    ]);
    const archive = await packCode(codeDirectory, notCode);
    const travelled: ModelDefinition = {
      ...definition,
      training: { ...definition.training, code: { ...code, digest: archive.digest } },
    };
    return {
      definition: travelled,
      digest: definitionDigest(travelled),
      codeUri: dryRun ? codeUri(archive.digest) : await storeCode(this.#session.options, archive),
      codeRevision: (await gitRevision(codeDirectory)) ?? archive.digest,
    };
  }

  async #inForce(tag: string): Promise<ModelDefinition | null> {
    try {
      return (await definitionInForce(this.#session, tag)).definition;
    } catch (error) {
      if (error instanceof UnknownTagError) return null;
      throw error;
    }
  }
}

function packedImage(definition: ModelDefinition): PackedDefinition {
  const { code } = definition.training;
  if (code.kind !== 'image') throw new ModelyardError('expected code of kind image');
  const codeRevision = code.image.slice(code.image.lastIndexOf('@') + 1);
  return { definition, digest: definitionDigest(definition), codeUri: code.image, codeRevision };
}

function compare(
  { definition, digest }: PackedDefinition,
  inForce: ModelDefinition | null,
): ApplyResult {
  const changes = difference(inForce, definition);
  return { tag: definition.tag, digest, changed: changes.length > 0, diff: changes };
}

export function difference(from: ModelDefinition | null, to: ModelDefinition): ApplyResult['diff'] {
  return diff(from === null ? {} : withoutPlace(from), withoutPlace(to));
}

function isInState(status: TagStatus, state: NonNullable<ListModelsOptions['state']>): boolean {
  switch (state) {
    case 'live':
      return status.live !== null;
    case 'empty':
      return status.live === null && status.retired === null;
    case 'frozen':
      return status.frozen !== null;
    case 'busy':
      return status.rollout !== null;
  }
}
