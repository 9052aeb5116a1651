import { CancellationScope, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import type { EvaluationEvidence, EvaluationReport } from '../temporal/contracts/evaluation.js';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { Admission, EvaluateRequest } from '../temporal/contracts/runs.js';
import { parseModelId } from '../temporal/ids.js';
import { runView } from '../temporal/messages.js';
import { REGISTRY_TAGS } from '../temporal/names.js';
import type { RegistryRun } from './documents.js';
import { failedAt, quietly, requireText } from './failing.js';
import { measure } from './judging.js';
import { opened } from './opening.js';
import { reads, records } from './proxies.js';
import { Stages } from './stages.js';

const STAGES = ['admission', 'evaluation', 'record'] as const;

interface Run {
  registry: RegistryRun | null;
  placement: string | null;
}

/** Scores one registered model on a holdout: the definition's, or a later period whose labels have arrived. */
export async function evaluate(request: EvaluateRequest): Promise<EvaluationReport> {
  requireText(request, 'modelId');
  const { tag } = parseModelId(request.modelId);
  const stages = new Stages({ kind: 'evaluate', tag }, STAGES);
  setHandler(runView, () => stages.view);
  const run: Run = { registry: null, placement: null };
  try {
    const begun = await stages.run('admission', () => begin(request, run));
    const evidence = await stages.run('evaluation', () =>
      measure({
        ...begun,
        onPlaced: (placement) => {
          run.placement = placement;
          stages.detail('evaluation', placement);
        },
      }),
    );
    await stages.run('record', () => close(run, 'FINISHED'));
    stages.decide('evaluated', request.modelId);
    return reportOf(evidence, begun.registry.runId);
  } catch (error) {
    await CancellationScope.nonCancellable(() =>
      quietly('close the record', () => close(run, isCancellation(error) ? 'KILLED' : 'FAILED')),
    );
    throw failedAt(stages.view.stage, error);
  }
}

async function begin(request: EvaluateRequest, run: Run) {
  const { tag, version } = parseModelId(request.modelId);
  const { workflowId, runId, startTime } = workflowInfo();
  const effectKey = `${workflowId}/${runId}`;
  const admission = await reads.admit(tag);
  const candidate = await records.resolveModel({ tag, version, verify: true });
  const incumbent = await incumbentOf(request, admission, candidate);
  const registry = await opened({
    key: effectKey,
    workflowId,
    tag,
    kind: 'evaluate',
    startedAt: startTime.toISOString(),
    params: {},
    tags: {
      [REGISTRY_TAGS.workflowId]: workflowId,
      [REGISTRY_TAGS.tag]: tag,
      [REGISTRY_TAGS.definitionDigest]: admission.definitionDigest,
      [REGISTRY_TAGS.codeRevision]: admission.codeRevision,
    },
    artifacts: {},
  });
  run.registry = registry;
  const cutoff =
    request.holdout?.until ?? candidate.tags[REGISTRY_TAGS.dataCutoff] ?? startTime.toISOString();
  return {
    admission,
    workflowId,
    effectKey,
    cutoff,
    candidate,
    incumbent,
    registry,
    ...(request.holdout && { holdout: request.holdout }),
  };
}

async function incumbentOf(
  request: EvaluateRequest,
  { live }: Admission,
  candidate: RegisteredModel,
) {
  const against = request.against ?? 'live';
  if (against === 'none') return null;
  if (against === 'live') return live?.version === candidate.version ? null : live;
  const { tag, version } = parseModelId(against);
  return records.resolveModel({ tag, version, verify: true });
}

async function close(
  { registry, placement }: Run,
  status: 'FINISHED' | 'FAILED' | 'KILLED',
): Promise<void> {
  if (registry)
    await records.closeRun({
      runId: registry.runId,
      status,
      at: new Date().toISOString(),
      tags: placement === null ? {} : { [REGISTRY_TAGS.placement]: placement },
    });
}

function reportOf(
  { candidate, incumbent, holdout, metrics }: EvaluationEvidence,
  registryRunId: string,
): EvaluationReport {
  const whole = metrics.flatMap(({ name, slice, candidate: value }) =>
    slice === null && typeof value === 'number' ? [[name, value] as const] : [],
  );
  return {
    modelId: candidate,
    incumbent,
    metrics: Object.fromEntries(whole),
    holdout: { digest: holdout.digest, rows: holdout.rows },
    registryRunId,
  };
}
