import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBed, type Bed } from './support/bed.js';
import { targetOf, type Answer } from './support/client.js';

describe("SageMaker's runtime path", () => {
  let bed: Bed;
  const invoke = (name: string, body: unknown): Promise<Answer> =>
    bed.client.send('POST', `/endpoints/${name}/invocations`, {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });

  beforeAll(async () => {
    bed = await makeBed({ limits: { scoreTimeoutMs: 500 } });
    const spec = await bed.model(7);
    await bed.client.startHost(spec);
    await bed.client.route('flights.delay', 1, { live: targetOf(spec) });
    await bed.client.route('empty', 1, { live: null });
  });
  afterAll(() => bed.dispose());

  it("passes the model server's reply through and names the model as the variant (G7)", async () => {
    const answer = await invoke('flights.delay', { inputs: [[1]] });
    expect([answer.status, answer.text]).toEqual([200, '{"predictions": [7]}']);
    expect(answer.headers['x-amzn-invoked-production-variant']).toBe('flights/7');
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it.each([
    ['an unknown endpoint', 'nothing', {}, 400, 'ValidationError'],
    ['nothing live', 'empty', {}, 400, 'ValidationError'],
    ['an error of the container', 'flights.delay', { fault: 400 }, 424, 'ModelError'],
    ['a container that hangs', 'flights.delay', { fault: 'hang' }, 424, 'ModelError'],
    ['a container that is gone', 'flights.delay', { fault: 'drop' }, 503, 'ServiceUnavailable'],
  ])('answers %s as SageMaker does', async (_what, name, body, status, type) => {
    const answer = await invoke(name, { inputs: [], ...body });
    expect([answer.status, answer.headers['x-amzn-errortype']]).toEqual([status, type]);
    expect(answer.body['Message']).toEqual(expect.any(String));
  });

  it("tells the container's own status inside a ModelError", async () => {
    expect((await invoke('flights.delay', { fault: 500 })).body).toMatchObject({
      OriginalStatusCode: 500,
      OriginalMessage: '{"code": "ModelError", "message": "as asked"}',
    });
  });
});
