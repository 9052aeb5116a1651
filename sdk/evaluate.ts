import type { EvaluateRequest } from '../temporal/contracts/runs.js';
import type { EvaluationReport } from '../temporal/contracts/evaluation.js';
import { ModelId } from '../temporal/contracts/scalars.js';
import { evaluateWorkflowId, parseModelId } from '../temporal/ids.js';
import { WORKFLOWS } from '../temporal/names.js';
import { EvaluateArguments } from './arguments.js';
import { invalidRequest, parseArguments } from './issues.js';
import { read } from './reads.js';
import { Run } from './run-handle.js';
import { isStarted, runRequest, startRun } from './run-start.js';
import type { Session } from './session.js';
import { definitionInForce, given } from './tag-entity.js';
import type { EvaluateOptions, RunHandle } from './types.js';

export async function evaluate(
  session: Session,
  givenModel: string,
  givenOptions: EvaluateOptions = {},
): Promise<RunHandle<EvaluationReport>> {
  const { modelId, options } = parseArguments(
    'evaluate',
    { modelId: ModelId, options: EvaluateArguments },
    { modelId: givenModel, options: givenOptions },
  );
  const { tag } = parseModelId(modelId);
  const { holdout, idempotencyKey, ...rest } = options;
  const period = holdout && {
    from: holdout.from.toISOString(),
    until: holdout.until.toISOString(),
  };
  const fields = given({ ...rest, modelId, holdout: period });
  const request = runRequest({ method: 'evaluate', tag, fields, idempotencyKey }, (key) =>
    evaluateWorkflowId(tag, key),
  );
  const handle = evaluateRun(session, request.workflowId);
  if (await isStarted(session, request)) return handle;

  const { definition } = await definitionInForce(session, tag);
  if (period && definition.training.data.timeColumn === undefined) {
    const message = "a period needs training.data.timeColumn in the tag's definition";
    throw invalidRequest('evaluate', [{ path: 'options.holdout', message }]);
  }
  await refuseUnknown(session, [modelId, options.against]);
  const args = { ...fields, modelId, actor: session.options.actor } satisfies EvaluateRequest;
  await startRun(session, request, {
    type: WORKFLOWS.evaluate,
    args: [args],
    tag,
    owner: definition.owner.team,
    modelId,
    summary: `evaluate ${modelId} by ${session.options.actor}`,
  });
  return handle;
}

export function evaluateRun(session: Session, workflowId: string): Run<EvaluationReport> {
  return new Run(session, {
    kind: 'evaluate',
    workflowId,
    toResult: (record) => record as EvaluationReport,
  });
}

async function refuseUnknown(session: Session, ids: (string | undefined)[]): Promise<void> {
  for (const id of ids) {
    if (id === undefined || id === 'live' || id === 'none') continue;
    await read(session, { what: 'model', ...parseModelId(id), verify: false });
  }
}
