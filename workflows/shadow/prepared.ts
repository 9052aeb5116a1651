import { workflowInfo } from '@temporalio/workflow';
import type { ModelRecord, RegisteredModel } from '../../temporal/contracts/model.js';
import type { Admission, ShadowRequest } from '../../temporal/contracts/runs.js';
import { failure, type FailureType } from '../../temporal/errors.js';
import { REGISTRY_TAGS } from '../../temporal/names.js';
import { LONGEST_SHADOW_MS } from '../../temporal/shadow-defaults.js';
import { shadowTerms, type ShadowTerms } from '../../temporal/shadow-terms.js';
import type { RegistryRun } from '../documents.js';
import { opened } from '../opening.js';
import { reads, records } from '../proxies.js';
import type { Asking } from './asking.js';

/** What a shadow run knows of itself once its candidate stands. */
export interface Prepared {
  request: ShadowRequest;
  asking: Asking;
  admission: Admission;
  candidate: RegisteredModel;
  terms: ShadowTerms;
  registry: RegistryRun;
}

/** Refuses what could not be compared at all; what changes until the window begins, the tag refuses then. */
export async function prepared(request: ShadowRequest, asking: Asking): Promise<Prepared> {
  const { tag, version } = request;
  const admission = await reads.admit(tag);
  const terms = shadowTerms(request, admission.definition, new Date().toISOString());
  refuseTimes(terms);
  const { from, until } = terms;
  const wanted = { version, from, until, workflowId: asking.workflowId };
  const objection = await reads.shadowObjection(tag, wanted);
  // Whoever is in the way now may be gone when there is a slot.
  if (objection !== null && objection.type !== 'Busy')
    throw failure(objection.type as FailureType, objection.message, { details: objection.details });
  const candidate = await records.resolveModel({ tag, version, verify: true });
  const registry = await opening({ request, asking, admission });
  return { request, asking, admission, candidate, terms, registry };
}

function refuseTimes({ from, until }: ShadowTerms): void {
  const lasts = Date.parse(until) - Date.parse(from);
  if (lasts > 0 && lasts <= LONGEST_SHADOW_MS) return;
  const message = `expected an end after ${from} and at most 30 days later, got ${until}`;
  throw failure('InvalidRequest', `the window: ${message}`, {
    details: { issues: [{ path: 'until', message }] },
  });
}

function opening(of: Pick<Prepared, 'request' | 'asking' | 'admission'>): Promise<RegistryRun> {
  const { request, asking, admission } = of;
  return opened({
    key: asking.effectKey,
    workflowId: asking.workflowId,
    tag: request.tag,
    kind: 'shadow',
    startedAt: workflowInfo().startTime.toISOString(),
    params: {},
    tags: {
      [REGISTRY_TAGS.workflowId]: asking.workflowId,
      [REGISTRY_TAGS.tag]: request.tag,
      [REGISTRY_TAGS.requestedBy]: request.actor,
      [REGISTRY_TAGS.definitionDigest]: admission.definitionDigest,
      [REGISTRY_TAGS.codeRevision]: admission.codeRevision,
    },
    artifacts: {},
  });
}

/** What the tag keeps of it. */
export function recordOf(candidate: RegisteredModel): ModelRecord {
  const { tags: _, gate: __, files: ___, tag: ____, ...record } = candidate;
  return record;
}
