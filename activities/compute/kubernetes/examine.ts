import type { Examined, JobSpec } from '../../../temporal/contracts/job.js';
import { FAILURES, isFailure } from '../../../temporal/errors.js';
import type { Api } from './api.js';
import { toFailure } from './failures.js';
import { manifestOf } from './manifest.js';
import type { JobSettings } from './options.js';
import { namespacesOf } from './placement.js';
import type { Patience } from './retry.js';

/** Somebody waits for the answer. A try ends before its connection would, so that silence is told in the same words always. */
export const EXAMINING: Patience = { tryMs: 4_000, callMs: 8_000 };

/**
 * Asks in every namespace of the target for what a job needs. The Job is created as a dry run, which takes the right, the
 * admissions and the quotas of a real one; those of its pod are met by pods only.
 */
export async function examineNamespaces(api: Api, settings: JobSettings): Promise<Examined[]> {
  const each = namespacesOf(settings).map(async (namespace): Promise<Examined[]> => {
    const refusals = await refusalsIn(namespace, api, settings);
    if (refusals.length === 0) return [{ what: namespace, ok: true, detail: 'Jobs may be made' }];
    return refusals.map((detail) => ({ what: namespace, ok: false, detail }));
  });
  return (await Promise.all(each)).flat();
}

/** Each once: an apiserver that does not answer says the same to every question. */
async function refusalsIn(namespace: string, api: Api, settings: JobSettings): Promise<string[]> {
  const tryCreate = async (): Promise<void> => {
    const job = harmless(tierOf(namespace, settings));
    await api.tryCreate(namespace, manifestOf(job, settings, Date.now()));
  };
  const refusals = await Promise.all(
    [api.tryList(namespace), api.tryListPods(namespace), tryCreate()].map(refusalOf),
  );
  return [...new Set(refusals.flat())];
}

async function refusalOf(asked: Promise<void>): Promise<string[]> {
  try {
    await asked;
    return [];
  } catch (error) {
    const failure = toFailure(error);
    const remedy = isFailure(failure, 'ComputeUnavailable')
      ? FAILURES.ComputeUnavailable.remedy
      : 'correct compute.targets, or give the namespace what deploy/kubernetes gives it';
    return [`${failure.message}; ${remedy}`];
  }
}

function tierOf(namespace: string, { namespaces }: JobSettings): JobSpec['tier'] {
  const tiers = ['standard', 'critical', 'experimental'] as const;
  return tiers.find((tier) => namespaces[tier] === namespace) ?? 'standard';
}

const harmless = (tier: JobSpec['tier']): JobSpec => ({
  name: 'modelyard-doctor',
  target: 'doctor',
  owner: 'doctor',
  tag: 'doctor',
  program: { kind: 'harness', step: 'train' },
  document: {},
  resources: { class: 'cpu' },
  tier,
  secrets: {},
  timeoutMs: 60_000,
  deadline: new Date(Date.now() + 60_000).toISOString(),
});
