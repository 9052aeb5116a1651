import { digestOf, sha256Hex } from './digest.js';
import type { ModelId, ModelTag } from './contracts/scalars.js';

export function modelId(tag: ModelTag, version: number): ModelId {
  return `${tag}/${String(version)}`;
}

/** Splits a model id that the contract has already accepted. */
export function parseModelId(id: ModelId): { tag: ModelTag; version: number } {
  const slash = id.lastIndexOf('/');
  return { tag: id.slice(0, slash), version: Number(id.slice(slash + 1)) };
}

/** Stands for all tags together, where a tag is asked for. No tag is named so. */
export const EVERY_TAG = '*';

/** The one workflow that every tag is known to. */
export const platformWorkflowId = 'platform';
export const tagWorkflowId = (tag: ModelTag): string => `tag/${tag}`;
export const retrainWorkflowId = (tag: ModelTag, key: string): string => `retrain/${tag}/${key}`;
export const evaluateWorkflowId = (tag: ModelTag, key: string): string => `evaluate/${tag}/${key}`;
export const rolloutWorkflowId = (tag: ModelTag, version: number, key: string): string =>
  `rollout/${tag}/${String(version)}/${key}`;
export const shadowWorkflowId = (tag: ModelTag, version: number, key: string): string =>
  `shadow/${tag}/${String(version)}/${key}`;
export const poolWorkflowId = (pool: string): string => `pool/${pool}`;
export const readWorkflowId = (what: string, tag: ModelTag, key: string): string =>
  `read/${what}/${tag}/${key}`;
/** Two requests that may change different things are two runs. No tag's name has a second '/'. */
export const reconcileWorkflowId = (tag: ModelTag | null, dryRun = false): string =>
  `reconcile/${tag === null ? 'sweep' : `tag/${tag}`}${dryRun ? '/dry-run' : ''}`;
export const RECONCILE_SCHEDULE_ID = 'modelyard-reconcile';
export const scheduleId = (tag: ModelTag): string => `tag/${tag}`;
/** Temporal appends '-<nominal time>' to the id that a schedule's action names; the slot is read back from it. */
export const slotWorkflowIdPrefix = (tag: ModelTag): string => `retrain/${tag}/slot`;
export const slotWorkflowId = (tag: ModelTag, nominal: string): string =>
  `${slotWorkflowIdPrefix(tag)}-${nominal}`;

/**
 * A name every backend takes: [a-z0-9-], at most 63 characters. The readable part may be cut; the hash of the whole
 * input, 12 hexadecimal digits, keeps two inputs apart.
 */
export function vendorName(...parts: string[]): string {
  const whole = parts.join('/');
  const readable = whole
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 50)
    .replaceAll(/-+$/g, '');
  return `${readable}-${sha256Hex(whole).slice(0, 12)}`;
}

export const jobName = (workflowId: string, step: string, attempt: number): string =>
  vendorName(workflowId, step, String(attempt));
/** A host keeps its kind for life, so that a model that moves from one kind to the other has two. */
export const hostName = (
  id: ModelId,
  digest: string,
  kind: 'dedicated' | 'shared' = 'dedicated',
): string => vendorName(id, digest.slice('sha256:'.length), ...(kind === 'shared' ? [kind] : []));

/** The hash that tells "the same request again" from "another request under the same key". */
export function requestHash(
  method: string,
  tag: ModelTag,
  fields: Record<string, unknown>,
): string {
  return digestOf({ method, tag, fields }).slice('sha256:'.length);
}

/** `<method>:<key>:<hash16>`: another request under a caller's key gets another update id, so the tag sees the conflict. */
export const updateId = (method: string, key: string, hash: string): string =>
  `${method}:${key}:${hash.slice(0, 16)}`;
