import type { QueryDefinition } from '@temporalio/common';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { RolloutRequest } from '../temporal/contracts/runs.js';
import type { Asked, BeginRolloutCommand } from '../temporal/contracts/tag.js';
import { modelId, parseModelId, rolloutWorkflowId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { WORKFLOWS } from '../temporal/names.js';
import { ModelTag, Version } from '../temporal/contracts/scalars.js';
import { PromoteArguments } from './arguments.js';
import { ApprovalRefusedError } from './errors.js';
import { invalidRequest, parseArguments } from './issues.js';
import { read } from './reads.js';
import { refusal } from './refusals.js';
import { RolloutRun } from './rollout-handle.js';
import { isStarted, runRequest, startRun } from './run-start.js';
import type { Session } from './session.js';
import { signed } from './statements.js';
import { asked, definitionInForce, queryTag } from './tag-entity.js';
import type { PromoteOptions, RolloutHandle } from './types.js';
import { warrantOf, withoutGate, type Warrant } from './warrant.js';

/** A candidate may wait for its turn; what was signed counts until it is granted. */
const COUNTS_FOR_MS = 7 * 24 * 3_600_000;
/** Whoever breaks the glass means now. */
const BREAK_GLASS_COUNTS_FOR_MS = 3_600_000;

type Objection = NonNullable<QueryResult<typeof messages.rolloutObjection>>;
type QueryResult<Query> = Query extends QueryDefinition<infer Result, infer _> ? Result : never;

/** Everything that can be refused is refused before the run is started; what changes later is the run's outcome. */
export async function promote(
  session: Session,
  givenTag: string,
  givenVersion: number,
  givenOptions: PromoteOptions,
): Promise<RolloutHandle> {
  const { tag, version, options } = parseArguments(
    'promote',
    { tag: ModelTag, version: Version, options: PromoteArguments },
    { tag: givenTag, version: givenVersion, options: givenOptions },
  );
  const { reason, expectedLive, override, breakGlass, idempotencyKey } = options;
  if (breakGlass) requireSigner(session, `the break-glass promote of ${modelId(tag, version)}`);
  const fields = { version, reason, expectedLive, override, breakGlass };
  const request = runRequest({ method: 'promote', tag, fields, idempotencyKey }, (key) =>
    rolloutWorkflowId(tag, version, key),
  );
  const handle = new RolloutRun(session, request.workflowId);
  if (await isStarted(session, request)) return handle;

  const { definition } = await definitionInForce(session, tag);
  const [model] = await Promise.all([
    read(session, { what: 'model', tag, version, verify: true }),
    refuseUnsigned(session, tag, version),
  ]);
  const asker = asked(session, {
    method: 'promote',
    tag,
    fields,
    reason,
    idempotencyKey: request.key,
  });
  const candidate = { model, asker, expectedLive, override, breakGlass };
  const warrant = await settledWarrant(session, candidate);
  if (warrant.kind === 'none') throw needsOverride(tag, version, warrant.because);

  const args: RolloutRequest = {
    tag,
    version,
    actor: session.options.actor,
    reason,
    requested: { key: asker.key, hash: asker.hash },
    ...(expectedLive !== undefined && { expectedLive }),
    ...(warrant.kind === 'override' && { override: warrant.why }),
    ...(warrant.kind === 'gate' && { retrain: warrant.gate }),
    ...(breakGlass && { breakGlass }),
    ...(await signedPromote(session, request.workflowId, { ...candidate, warrant })),
  };
  await startRun(session, request, {
    type: WORKFLOWS.rollout,
    args: [args],
    tag,
    owner: definition.owner.team,
    modelId: modelId(tag, version),
    summary: `promote ${modelId(tag, version)} by ${session.options.actor}: ${reason}`,
  });
  return handle;
}

interface Candidate {
  model: RegisteredModel;
  asker: Asked;
  expectedLive: number | null | undefined;
  override: string | undefined;
  breakGlass: true | undefined;
}

/** The warrant the tag has no objection to; whatever else it objects to is thrown, before a missing override is. */
async function settledWarrant(session: Session, candidate: Candidate): Promise<Warrant> {
  const { model, override } = candidate;
  const view = await queryTag(session, model.tag, { definition: messages.tagStatus, args: [] });
  const live = view.live === null ? null : parseModelId(view.live).version;
  let warrant = warrantOf(model, live, override);
  let objection = await objectionTo(session, candidate, warrant);
  if (objection?.type === 'DefinitionChanged') {
    warrant = withoutGate('the definition has changed since its gate judged it', override);
    objection = await objectionTo(session, candidate, warrant);
  }
  if (objection !== null) throw refusal(objection);
  return warrant;
}

function objectionTo(
  session: Session,
  candidate: Candidate,
  warrant: Warrant,
): Promise<Objection | null> {
  const { asker, expectedLive, breakGlass } = candidate;
  const { tag, tags: _, gate: __, files: ___, ...model } = candidate.model;
  const command: BeginRolloutCommand = {
    asked: asker,
    requested: { key: asker.key, hash: asker.hash },
    model,
    ...(expectedLive !== undefined && { expectedLive }),
    ...(warrant.kind === 'gate' && { judgedUnder: warrant.gate.judgedUnder }),
    warrant:
      warrant.kind === 'gate'
        ? { kind: 'gate', registryRunId: warrant.gate.registryRunId }
        : { kind: 'override', why: warrant.kind === 'override' ? warrant.why : asker.reason },
    ...(breakGlass && { breakGlass }),
  };
  return queryTag(session, tag, { definition: messages.rolloutObjection, args: [command] });
}

/** As the run will ask its tag: without `expectedLive` a passed gate names the model it was judged against. */
function signedPromote(
  session: Session,
  workflowId: string,
  { model, asker, expectedLive, breakGlass, warrant }: Candidate & { warrant: Warrant },
): ReturnType<typeof signed> {
  const judgedAgainst = warrant.kind === 'gate' ? warrant.gate.incumbent : null;
  const statement = {
    decision: breakGlass ? ('break-glass' as const) : ('promote' as const),
    tag: model.tag,
    from: expectedLive === undefined ? judgedAgainst : expectedLive,
    to: model.version,
    digest: model.digest,
    liveSeq: null,
    workflowId,
    reason: asker.reason,
    override: warrant.kind === 'override' ? warrant.why : null,
  };
  const breaksGlass = statement.decision === 'break-glass';
  return signed(session, statement, breaksGlass ? BREAK_GLASS_COUNTS_FOR_MS : COUNTS_FOR_MS);
}

/** Said at once and not by a run that would end 'rejected'. Whether a signer's key is listed, only the run comes to know. */
async function refuseUnsigned(session: Session, tag: string, version: number): Promise<void> {
  if (session.options.signer !== null) return;
  const { required } = await read(session, { what: 'signatures', tag });
  if (required) requireSigner(session, `the promote of ${modelId(tag, version)}`);
}

function requireSigner({ options }: Session, what: string): void {
  if (options.signer !== null) return;
  throw new ApprovalRefusedError(
    `expected ${what} to be signed, got no signer; set the option signer of Platform.connect, or the environment variable MODELYARD_SIGNER_KEY_FILE or MODELYARD_SIGNER_SSH_AGENT`,
    'unsigned',
  );
}

function needsOverride(tag: string, version: number, because: string): Error {
  const message = `${modelId(tag, version)} has no passed gate against the live model (${because}); retrain, or say in override why it should go live all the same`;
  return invalidRequest('promote', [{ path: 'options.override', message }]);
}
