import type { GateCheck, Verdict } from '../../temporal/contracts/gate.js';
import type { ModelId } from '../../temporal/contracts/scalars.js';
import type { ShadowEvidence, ShadowReport } from '../../temporal/contracts/shadow.js';
import { failure } from '../../temporal/errors.js';
import { modelId, parseModelId } from '../../temporal/ids.js';
import { shadowColumns, shadowDocument } from '../documents.js';
import { runStep } from '../jobs.js';
import { bare } from '../policy/gate.js';
import { NO_REQUESTS } from '../policy/mirror-tally.js';
import type { Shown } from '../policy/shadow-checks.js';
import { evidence, records } from '../proxies.js';
import type { Mirror } from './mirror.js';
import type { Prepared } from './prepared.js';

export const NOTHING_SHOWN: Shown = {
  requests: NO_REQUESTS,
  measures: {},
};

/** What the window showed: the pairs of both models' answers, and what a job measured of them. */
export async function measured(of: Prepared, mirror: Mirror): Promise<Shown> {
  const { request, asking, admission, candidate, registry } = of;
  const { tag } = request;
  const incumbent = incumbentOf(of, mirror);
  const candidateId = modelId(tag, candidate.version);
  const pairs = await evidence.collectShadow({
    ...{ tag, candidate: candidateId, incumbent, key: asking.effectKey },
    ...{ from: mirror.since, until: mirror.endedAt },
    features: shadowColumns(admission, candidate),
  });
  const { requests } = pairs;
  if (requests.mirrored + requests.failed === 0) return { requests, measures: {} };
  const { workflowId, effectKey } = asking;
  const { version } = parseModelId(incumbent);
  const document = shadowDocument({
    ...{ admission, workflowId, candidate, pairs, registry },
    incumbent: await records.resolveModel({ tag, version, verify: false }),
    window: { from: mirror.since, until: mirror.endedAt },
  });
  const result = await runStep({ workflowId, effectKey, step: 'shadow', admission, document });
  const shown = result as ShadowEvidence;
  if (shown.candidate === candidateId && shown.incumbent === incumbent) return shown;
  throw failure(
    'GateError',
    `expected evidence about ${candidateId} against ${incumbent}, got it about ${shown.candidate} against ${shown.incumbent}`,
  );
}

/** The model that was live when the mirror began; before it began, the one that is now. */
export const incumbentOf = ({ request, admission }: Prepared, { begun }: Mirror): ModelId =>
  begun?.from ?? modelId(request.tag, admission.live?.version ?? 1);

/** What a run came to that was not judged by its evidence. */
export const settled = (
  verdict: Verdict,
  rule: string,
  reason: string,
): { verdict: Verdict; checks: GateCheck[] } => ({
  verdict,
  checks: [bare(rule, verdict, reason)],
});

export interface Ends {
  judged: { verdict: Verdict; checks: GateCheck[] };
  shown: Shown;
  routeRestored: boolean;
}

export function reportOf(of: Prepared, mirror: Mirror, ends: Ends): ShadowReport {
  const { request, candidate, registry, terms } = of;
  const { judged, shown, routeRestored } = ends;
  const metrics = Object.entries(shown.measures).map(([name, { value }]) => [name, value] as const);
  return {
    tag: request.tag,
    candidate: modelId(request.tag, candidate.version),
    incumbent: incumbentOf(of, mirror),
    window: {
      from: mirror.begun?.at ?? terms.from,
      until: (mirror.ended?.at ?? mirror.endedAt) || terms.until,
      extended: mirror.extended,
    },
    requests: shown.requests,
    metrics: Object.fromEntries(metrics.filter(([, value]) => Number.isFinite(value))),
    ...judged,
    routeRestored,
    registryRunId: registry.runId,
  };
}

/** On the run and on the version, before anything follows from it; the registry's run ends with it. */
export async function recorded(of: Prepared, report: ShadowReport): Promise<void> {
  const { candidate, registry, terms } = of;
  const { checks, minRequests, samplingPercent, pool } = terms;
  const { until } = report.window;
  // A window that was never opened would have ended later than its run.
  const lasted = Date.parse(until) < Date.now();
  await records.recordShadow({
    tag: report.tag,
    runId: registry.runId,
    version: candidate.version,
    report,
    at: lasted ? until : new Date().toISOString(),
    policy: { checks, minRequests, samplingPercent, pool },
  });
}
