import type { CoreV1Event } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { lastRefusal } from '../../../../activities/compute/kubernetes/refusal.js';
import { NOW } from './settings.js';

const event = (message: string, lastMs?: number, madeMs = 0): CoreV1Event => ({
  involvedObject: { kind: 'Job', uid: 'job-uid' },
  metadata: { creationTimestamp: new Date(NOW + madeMs) },
  reason: 'FailedCreate',
  message,
  ...(lastMs !== undefined && { lastTimestamp: new Date(NOW + lastMs) }),
});

const QUOTA = 'exceeded quota: pods, requested: pods=1, used: pods=4, limited: pods=4';
const POD_SECURITY = 'violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)';
const LIMIT_RANGE = 'maximum memory usage per Container is 32Mi, but limit is 64Mi';
const POLICY = `ValidatingAdmissionPolicy 'costs' with binding 'costs' denied request: pods need a cost centre`;
const MUST_SPECIFY = 'failed quota: compute: must specify limits.cpu for: main';
const DENIED = 'admission webhook "pods.policy.test" denied the request: not from that registry';
const WEBHOOK_GONE =
  'Internal error occurred: failed calling webhook "pods.policy.test": failed to call webhook: ' +
  'Post "https://127.0.0.1:1/x?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused';
const NO_RIGHT =
  'pods is forbidden: User "system:serviceaccount:kube-system:job-controller" cannot create resource "pods"';

describe('why no pod could be made for a Job', () => {
  it.each<[string, string, string]>([
    ['Quota', `pods "job-1-5hs5m" is forbidden: ${QUOTA}`, QUOTA],
    ['Admission', `pods "job-1-5xsvq" is forbidden: ${POD_SECURITY}`, POD_SECURITY],
    ['Admission', `pods "job-1-vvzjt" is forbidden: ${LIMIT_RANGE}`, LIMIT_RANGE],
    ['Admission', `pods "job-1-2dx9q" is forbidden: ${POLICY}`, POLICY],
    ['Admission', `pods "job-1-2dx9q" is forbidden: ${MUST_SPECIFY}`, MUST_SPECIFY],
    ['Admission', DENIED, DENIED],
    ['Admission', WEBHOOK_GONE, WEBHOOK_GONE],
    ['NoPod', NO_RIGHT, NO_RIGHT],
    ['NoPod', 'etcdserver: request timed out', 'etcdserver: request timed out'],
  ])('is %s in the words %s (F15)', (type, said, words) => {
    const expected = { type, words, atMs: NOW };
    expect(lastRefusal([event(`Error creating: ${said}`, 0)])).toEqual(expected);
    const combined = `(combined from similar events): Error creating: ${said}`;
    expect(lastRefusal([event(combined, 0)])).toEqual(expected);
  });

  it('is what was said last', () => {
    const events = [
      event('Error creating: one', 4_000),
      event('Error creating: another', 9_000, 1_000),
      event('Error creating: a third', 2_000, 2_000),
    ];
    expect(lastRefusal(events)).toMatchObject({ words: 'another', atMs: NOW + 9_000 });
    expect(lastRefusal(events.toReversed())).toMatchObject({ words: 'another' });
    expect(lastRefusal([event('Error creating: it', undefined, 3_000)])).toMatchObject({
      atMs: NOW + 3_000,
    });
  });

  it('is not known without an event', () => {
    expect(lastRefusal([])).toBeUndefined();
  });

  it('is short, and without a token that a webhook repeats', () => {
    const said = `Error creating: ${DENIED}: Bearer abc.def ${'x'.repeat(2_000)}`;
    const { words = '' } = lastRefusal([event(said, 0)]) ?? {};
    expect(words).toHaveLength(1_000);
    expect(words).toContain('(credentials)');
    expect(words).not.toContain('abc.def');
  });
});
