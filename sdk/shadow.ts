import { z } from 'zod';
import type { ModelDefinition } from '../temporal/contracts/definition.js';
import type { ShadowRequest } from '../temporal/contracts/runs.js';
import { ModelTag, Version } from '../temporal/contracts/scalars.js';
import { shadowCheckContradictions } from '../temporal/contracts/shadow-contradictions.js';
import { modelId, shadowWorkflowId } from '../temporal/ids.js';
import * as messages from '../temporal/messages.js';
import { WORKFLOWS } from '../temporal/names.js';
import { LONGEST_SHADOW_MS } from '../temporal/shadow-defaults.js';
import { shadowTerms, type ShadowTerms } from '../temporal/shadow-terms.js';
import { ShadowArguments } from './arguments.js';
import { InvalidRequestError, type Issue } from './errors.js';
import { invalidRequest, parseArguments } from './issues.js';
import { bookingObjection } from './pool-entity.js';
import { read } from './reads.js';
import { refusal } from './refusals.js';
import { isStarted, runRequest, startRun } from './run-start.js';
import type { Session } from './session.js';
import { bookingFor } from './shadow-booking.js';
import { ShadowRun } from './shadow-handle.js';
import { definitionInForce, given, queryTag } from './tag-entity.js';
import type { ShadowHandle, ShadowOptions } from './types.js';

type Options = Omit<z.infer<typeof ShadowArguments>, 'idempotencyKey'>;

/** Everything that can be refused is refused before the run is started, also a window that its pool has no room for. */
export async function shadow(
  session: Session,
  givenTag: string,
  givenVersion: number,
  givenOptions: ShadowOptions,
): Promise<ShadowHandle> {
  const { tag, version, options } = parseArguments(
    'shadow',
    { tag: ModelTag, version: Version, options: ShadowArguments },
    { tag: givenTag, version: givenVersion, options: givenOptions },
  );
  const { idempotencyKey, ...asked } = options;
  const [from, until] = [asked.from?.toISOString(), asked.until?.toISOString()];
  const fields = given({ version, ...asked, from, until });
  const request = runRequest({ method: 'shadow', tag, fields, idempotencyKey }, (key) =>
    shadowWorkflowId(tag, version, key),
  );
  const handle = new ShadowRun(session, request.workflowId);
  if (await isStarted(session, request)) return handle;

  const { definition } = await definitionInForce(session, tag);
  const wanted = wantedBy(asked, definition);
  const terms = shadowTerms(wanted, definition, new Date().toISOString());
  refuse(asked, terms, definition);
  await read(session, { what: 'model', tag, version, verify: true });
  const { workflowId } = request;
  await refuseObjection(session, { tag, version, terms, workflowId });
  if (asked.bookingId !== undefined)
    raise(
      await bookingObjection(session, terms.pool, {
        ...{ tag, version, workflowId, bookingId: asked.bookingId },
      }),
    );

  const { tier = 'standard', owner } = definition;
  const booking = asked.bookingId ?? (await bookingFor(session, { tag, version, tier, terms }));
  const args: ShadowRequest = {
    ...{ tag, version, actor: session.options.actor, reason: asked.reason },
    ...wanted,
    // The window as it was booked; what is named by its booking alone is the booking's.
    ...(asked.bookingId === undefined && { from: terms.from, until: terms.until }),
    ...(asked.until === undefined && asked.bookingId === undefined && { fromReady: true as const }),
    ...{ bookingId: booking, whenFull: 'refuse' as const },
  };
  await startRun(session, request, {
    ...{ type: WORKFLOWS.shadow, args: [args], tag, owner: owner.team },
    modelId: modelId(tag, version),
    summary: `shadow ${modelId(tag, version)} by ${session.options.actor}: ${asked.reason}`,
  });
  return handle;
}

/** What the caller asks for, as the run takes it: a duration is spent here. */
function wantedBy(
  { from, until, ...asked }: Options,
  { shadow: policy }: ModelDefinition,
): Omit<ShadowRequest, 'tag' | 'version' | 'actor' | 'reason' | 'whenFull' | 'bookingId'> {
  const { samplingPercent, pool, minRequests, checks = policy?.checks } = asked;
  return {
    ...(from && { from: from.toISOString() }),
    ...(until && { until: until.toISOString() }),
    ...(asked.duration !== undefined && { duration: asked.duration }),
    ...(samplingPercent !== undefined && { samplingPercent }),
    ...(pool !== undefined && { pool }),
    ...(minRequests !== undefined && { minRequests }),
    ...(checks && { checks }),
  };
}

function refuse(asked: Options, terms: ShadowTerms, definition: ModelDefinition): void {
  const issues = [...windowIssues(asked, terms), ...checkIssues(terms, definition)];
  if (issues.length > 0) throw invalidRequest('shadow', issues);
}

function windowIssues({ from, until, bookingId }: Options, terms: ShadowTerms): Issue[] {
  // The booking says when.
  if (bookingId !== undefined && from === undefined && until === undefined) return [];
  const path = until === undefined ? 'options.duration' : 'options.until';
  const begins = from ?? new Date(terms.from);
  const lasts = Date.parse(terms.until) - begins.getTime();
  if (lasts <= 0) return [{ path, message: `expected an end after ${begins.toISOString()}` }];
  if (lasts > LONGEST_SHADOW_MS)
    return [{ path, message: `expected at most 30 days, until ${terms.until} are more` }];
  if (Date.parse(terms.until) > Date.now()) return [];
  return [{ path, message: `expected a window that is not past, got one until ${terms.until}` }];
}

function checkIssues({ checks }: ShadowTerms, definition: ModelDefinition): Issue[] {
  if (checks.length === 0) {
    const message = "is required: the tag's definition has no shadow.checks to judge by";
    return [{ path: 'options.checks', message }];
  }
  return shadowCheckContradictions(checks, definition).map(({ path: [, ...rest], message }) => ({
    path: z.core.toDotPath(['options', 'checks', ...rest]),
    message,
  }));
}

/** As the tag would refuse the window: no live model, a live or quarantined candidate, another shadow or canary in its way. */
async function refuseObjection(
  session: Session,
  of: { tag: string; version: number; terms: ShadowTerms; workflowId: string },
): Promise<void> {
  const { tag, version, workflowId } = of;
  const { from, until } = of.terms;
  const objection = await queryTag(session, tag, {
    definition: messages.shadowObjection,
    args: [{ version, from, until, workflowId }],
  });
  raise(objection);
}

function raise(objection: messages.Objection): void {
  if (objection === null) return;
  const error = refusal(objection);
  throw error instanceof InvalidRequestError ? invalidRequest('shadow', error.issues) : error;
}
