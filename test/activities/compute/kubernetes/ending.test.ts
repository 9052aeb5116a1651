import { describe, expect, it } from 'vitest';
import type { Api } from '../../../../activities/compute/kubernetes/api.js';
import { tellEnd } from '../../../../activities/compute/kubernetes/ending.js';
import { jobObject } from './objects.js';

const JOB = jobObject({});
const PLACE = `mlflow-artifacts:/modelyard/jobs/${JOB.metadata?.name ?? ''}`;
const sha256 = 'ef'.repeat(32);

/** What an end by reference comes to, and what was asked of the store for it. */
async function told(uri: string, content = '{"step":"train"}') {
  const asked: string[] = [];
  const artifacts = {
    get: (...of: string[]) => {
      asked.push(of.join(' '));
      return Promise.resolve(Buffer.from(content));
    },
  };
  const stores = { api: {} as Api, artifacts, results: 'mlflow-artifacts:/modelyard/' };
  const end = await tellEnd(stores, JOB, { ended: 'succeeded-at', resultAt: { uri, sha256 } });
  return { end, asked };
}

describe('a result that a job left by reference', () => {
  it('is read by its digest from the place of its job', async () => {
    const { end, asked } = await told(`${PLACE}/pod-1/result.json`);
    expect(end).toEqual({ phase: 'succeeded', result: { step: 'train' } });
    expect(asked).toEqual([`${PLACE}/pod-1/result.json sha256:${sha256}`]);
  });

  it.each([
    'mlflow-artifacts:/modelyard/jobs/another-job/pod-1/result.json',
    `${PLACE}-of-another/result.json`,
    `${PLACE}/../another-job/result.json`,
    `${PLACE}/%2e%2e/another-job/result.json`,
    `${PLACE}//another`,
    `${PLACE}/`,
    'file:///etc/passwd',
  ])('is not asked for anywhere else: %s', async (uri) => {
    const { end, asked } = await told(uri);
    expect(end).toMatchObject({ phase: 'failed', failure: { cause: 'integrity' } });
    expect(JSON.stringify(end)).toContain(`expected a result below ${PLACE}/`);
    expect(asked).toEqual([]);
  });

  it.each(['[1]', '"text"', 'null', '{'])(
    'is refused when it is no object: %s',
    async (content) => {
      const { end } = await told(`${PLACE}/pod-1/result.json`, content);
      expect(end).toMatchObject({ phase: 'failed', failure: { cause: 'bad-result' } });
    },
  );
});
