import type { ModelDefinition } from '../temporal/contracts/definition.js';
import type { RetrainRequest } from '../temporal/contracts/runs.js';
import { ModelTag } from '../temporal/contracts/scalars.js';
import { MAX_PARAMS_BYTES } from '../temporal/contracts/training.js';
import { retrainWorkflowId } from '../temporal/ids.js';
import { WORKFLOWS } from '../temporal/names.js';
import { RetrainArguments } from './arguments.js';
import type { Issue } from './errors.js';
import { invalidRequest, parseArguments } from './issues.js';
import { RetrainRun } from './retrain-handle.js';
import { isStarted, runRequest, startRun } from './run-start.js';
import type { Session } from './session.js';
import { definitionInForce, given } from './tag-entity.js';
import type { RetrainHandle, RetrainOptions } from './types.js';

/** Clocks differ; a cut-off further ahead is a mistake, and would name data that is still to come. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

export async function retrain(
  session: Session,
  givenTag: string,
  givenOptions: RetrainOptions = {},
): Promise<RetrainHandle> {
  const { tag, options } = parseArguments(
    'retrain',
    { tag: ModelTag, options: RetrainArguments },
    { tag: givenTag, options: givenOptions },
  );
  const { idempotencyKey, asOf, ...rest } = options;
  const fields = given({ ...rest, asOf: asOf?.toISOString() });
  const request = runRequest({ method: 'retrain', tag, fields, idempotencyKey }, (key) =>
    retrainWorkflowId(tag, key),
  );
  const handle = new RetrainRun(session, request.workflowId);
  if (await isStarted(session, request)) return handle;

  const { definition } = await definitionInForce(session, tag);
  const issues = contradictions(definition, options);
  if (issues.length > 0) throw invalidRequest('retrain', issues);
  const args: RetrainRequest = { tag, trigger: 'request', actor: session.options.actor, ...fields };
  await startRun(session, request, {
    type: WORKFLOWS.retrain,
    args: [args],
    tag,
    owner: definition.owner.team,
    summary: `retrain ${tag} by ${session.options.actor}${options.reason === undefined ? '' : `: ${options.reason}`}`,
  });
  return handle;
}

function contradictions(
  definition: ModelDefinition,
  options: { asOf?: Date | undefined; params?: Record<string, unknown> | undefined },
): Issue[] {
  const issues: Issue[] = [];
  if (options.asOf !== undefined && definition.training.data.timeColumn === undefined) {
    issues.push({
      path: 'options.asOf',
      message: "asOf needs training.data.timeColumn in the tag's definition",
    });
  }
  if (options.asOf !== undefined && options.asOf.getTime() > Date.now() + CLOCK_TOLERANCE_MS) {
    const message = `expected an instant that has passed, got ${options.asOf.toISOString()}`;
    issues.push({ path: 'options.asOf', message });
  }
  const bytes = jsonBytes(mergedParams(definition.training.params, options.params));
  if (bytes > MAX_PARAMS_BYTES) {
    const own = jsonBytes(definition.training.params ?? {});
    const message = `expected at most ${String(MAX_PARAMS_BYTES)} bytes of JSON after merging, got ${String(bytes)} (the definition's ${String(own)}, the call's ${String(jsonBytes(options.params ?? {}))})`;
    issues.push({ path: 'options.params', message });
  }
  return issues;
}

/** Shallow: a key replaces the definition's, null removes it. */
export function mergedParams(
  own: Record<string, unknown> = {},
  overrides: Record<string, unknown> = {},
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries({ ...own, ...overrides }).filter(([, value]) => value !== null),
  );
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
