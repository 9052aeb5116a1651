import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ApiError,
  NoAnswer,
  readable,
} from '../../../../activities/compute/kubernetes/api-error.js';
import { Api } from '../../../../activities/compute/kubernetes/api.js';
import { Credentials } from '../../../../activities/compute/kubernetes/credentials.js';
import { toFailure, withFailures } from '../../../../activities/compute/kubernetes/failures.js';
import { nextTryMs } from '../../../../activities/compute/kubernetes/retry.js';
import { Transport } from '../../../../activities/compute/kubernetes/transport.js';
import { applicationFailure } from '../../../../temporal/errors.js';

const JOB = { namespace: 'ml', name: 'job-1' };
const PATIENCE = { tryMs: 300, callMs: 1_500 };
type Answer = Parameters<RequestListener>;

const status = (code: number, reason: string, more: object = {}) =>
  JSON.stringify({ kind: 'Status', code, reason, message: `${reason} it is`, ...more });

/** An apiserver that answers call by call as it is told, and then with the Job. */
class Scene implements AsyncDisposable {
  readonly seen: { line: string; token: string; body: string }[] = [];
  readonly answers: ((...of: Answer) => void)[] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  #directory = '';
  #credentials: Credentials | undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const line = `${request.method ?? ''} ${request.url ?? ''}`;
        this.seen.push({ line, token: request.headers.authorization ?? '', body });
        const answer = this.answers.shift();
        if (answer) answer(request, response);
        else this.json(response, 200, JSON.stringify({ metadata: { ...JOB, uid: 'u' } }));
      });
    }).on('connection', (socket) => this.sockets.add(socket));
  }

  json(
    response: Answer[1],
    code: number,
    body: string,
    headers: Record<string, string> = {},
  ): void {
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(body);
  }

  says(code: number, body: string, headers?: Record<string, string>): void {
    this.answers.push((_, response) => this.json(response, code, body, headers));
  }

  async open(): Promise<Api> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#directory = await mkdtemp(join(tmpdir(), 'modelyard-kubeconfig-'));
    await this.token('first');
    this.#credentials = new Credentials({ kubeconfig: join(this.#directory, 'config') });
    return new Api(new Transport(this.#credentials), PATIENCE);
  }

  async token(token: string): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const server = `http://127.0.0.1:${String(port)}`;
    const config = {
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(join(this.#directory, 'config'), JSON.stringify(config));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#credentials?.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

describe('a call to the apiserver', () => {
  let scene: Scene;
  let api: Api;
  beforeEach(async () => {
    scene = new Scene();
    api = await scene.open();
  });
  afterEach(() => scene[Symbol.asyncDispose]());

  it('shares connections with the ones before it', async () => {
    for (let calls = 0; calls < 10; calls += 1) await api.read(JOB);
    expect(scene.seen).toHaveLength(10);
    // undici may open a second one while the first is being handed back.
    expect(scene.sockets.size).toBeLessThanOrEqual(2);
  });

  it('is made again after a 429 (F13)', async () => {
    scene.says(429, status(429, 'TooManyRequests'), { 'retry-after': '1' });
    expect((await api.read(JOB))?.metadata?.uid).toBe('u');
    expect(scene.seen).toHaveLength(2);
  });

  it('that is asked for more patience than it has hands the wait on (F13)', async () => {
    scene.says(429, status(429, 'TooManyRequests'), { 'retry-after': '30' });
    const failed = applicationFailure(
      await withFailures(() => api.read(JOB)).catch((e: unknown) => e),
    );
    expect(failed).toMatchObject({ type: 'ComputeUnavailable', nonRetryable: false });
    expect(failed?.nextRetryDelay).toBe(30_000);
    expect(scene.seen).toHaveLength(1);
  });

  it.each([500, 503, 504])('is made again after a %i (F13)', async (code) => {
    scene.says(code, status(code, 'InternalError'));
    expect((await api.read(JOB))?.metadata?.uid).toBe('u');
  });

  it('is made again after a reset, also a create (F2, F13)', async () => {
    scene.answers.push((request) => request.socket.resetAndDestroy());
    scene.says(409, status(409, 'AlreadyExists'));
    expect(await api.create('ml', { metadata: JOB })).toBeUndefined();
    expect(scene.seen.map(({ line }) => line)).toEqual([
      'POST /apis/batch/v1/namespaces/ml/jobs',
      'POST /apis/batch/v1/namespaces/ml/jobs',
    ]);
  });

  it('that nobody answers has an end (F13, F30)', async () => {
    for (let calls = 0; calls < 20; calls += 1) scene.answers.push(() => undefined);
    await expect(api.read(JOB)).rejects.toBeInstanceOf(NoAnswer);
    expect(scene.seen.length).toBeGreaterThan(1);
  });

  it('whose answer breaks off is made again (F30)', async () => {
    scene.answers.push((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"metadata"', () => response.destroy());
    });
    expect((await api.read(JOB))?.metadata?.uid).toBe('u');
  });

  it('that is answered by rubbish says so', async () => {
    scene.answers.push((_, response) => answerHtml(response));
    await expect(withFailures(() => api.read(JOB))).rejects.toMatchObject({
      type: 'ComputeUnavailable',
    });
  });

  it('is made again with fresh credentials when the old ones are refused (F19)', async () => {
    await api.read(JOB);
    await scene.token('second');
    scene.says(401, status(401, 'Unauthorized'));
    expect((await api.read(JOB))?.metadata?.uid).toBe('u');
    expect(scene.seen.map(({ token }) => token)).toEqual([
      'Bearer first',
      'Bearer first',
      'Bearer second',
    ]);
  });

  it('is refused in the end when fresh credentials are refused too, without a word of them (F19)', async () => {
    scene.says(401, '');
    scene.says(401, status(401, 'Unauthorized', { message: 'Bearer first is bad' }));
    const failed = await withFailures(() => api.read(JOB)).catch((error: unknown) => error);
    expect(failed).toMatchObject({ type: 'ComputeUnavailable' });
    expect(String(failed)).not.toContain('first');
    expect(scene.seen).toHaveLength(2);
  });

  it('deletes exactly one Job, and its pods: all of it in the body', async () => {
    expect(await api.delete(JOB, { uid: 'u', resourceVersion: '7' })).toBe(true);
    expect(scene.seen).toMatchObject([{ line: 'DELETE /apis/batch/v1/namespaces/ml/jobs/job-1' }]);
    expect(JSON.parse(scene.seen[0]?.body ?? '')).toEqual({
      propagationPolicy: 'Foreground',
      preconditions: { uid: 'u', resourceVersion: '7' },
    });
    scene.says(409, status(409, 'Conflict'));
    expect(await api.delete(JOB, { uid: 'u', resourceVersion: '7' })).toBe(false);
    scene.says(404, status(404, 'NotFound'));
    expect(await api.delete(JOB, { uid: 'u', resourceVersion: '7' })).toBe(false);
  });

  it('changes a Job only as it was read', async () => {
    const change = { metadata: { annotations: { a: 'b' } }, activeDeadlineSeconds: 1 };
    await api.change(JOB, '7', change);
    expect(JSON.parse(scene.seen[0]?.body ?? '')).toEqual({
      metadata: { annotations: { a: 'b' }, resourceVersion: '7' },
      spec: { activeDeadlineSeconds: 1 },
    });
    scene.says(409, status(409, 'Conflict'));
    expect(await api.change(JOB, '7', change)).toBeUndefined();
  });

  it('reads the Jobs that go on page by page', async () => {
    scene.says(200, JSON.stringify({ items: [{}, {}], metadata: { continue: 'next' } }));
    scene.says(200, JSON.stringify({ items: [{}], metadata: {} }));
    const all: unknown[] = [];
    for await (const job of api.list('ml')) all.push(job);
    expect(all).toHaveLength(3);
    expect(scene.seen[0]?.line).toMatch(
      /labelSelector=.*managed-by%3Dmodelyard%2C%21modelyard\.dev%2Fended&limit=100/,
    );
    expect(scene.seen[1]?.line).toContain('continue=next');
  });
});

function answerHtml(response: Answer[1]): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('<html>a login page</html>');
}

describe('what the apiserver refuses', () => {
  it.each([
    [403, 'Forbidden', { message: 'exceeded quota: jobs' }, 'ComputeUnavailable'],
    [403, 'Forbidden', { message: 'cannot create jobs' }, 'Misconfigured'],
    [
      403,
      'Forbidden',
      { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
      'Misconfigured',
    ],
    [404, 'NotFound', { details: { kind: 'namespaces' } }, 'Misconfigured'],
    [413, 'RequestEntityTooLarge', {}, 'InvalidDefinition'],
    [422, 'Invalid', {}, 'Misconfigured'],
    [401, 'Unauthorized', {}, 'ComputeUnavailable'],
    [429, 'TooManyRequests', {}, 'ComputeUnavailable'],
    [503, 'ServiceUnavailable', {}, 'ComputeUnavailable'],
  ])('with %i %s is a failure of the right kind', (code, reason, more, type) => {
    expect(toFailure(new ApiError(code, status(code, reason, more), undefined))).toMatchObject({
      type,
      message: expect.stringContaining(`(${String(code)} ${reason}): `),
    });
  });

  it('is told without credentials, and shortly', () => {
    expect(readable('authorization: Bearer abc.def-g_h')).toBe('authorization: (credentials)');
    expect(readable('token eyJhbGciOi.eyJpc3Mi.c2ln_-x was')).toBe('token (token) was');
    expect(readable('x'.repeat(5000))).toHaveLength(1000);
    expect(new ApiError(500, 'not json', undefined).message).toBe('not json');
  });

  it.each([
    ['3', 3000],
    ['0', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('asks for patience by %j', (header, ms) => {
    expect(new ApiError(429, '', header).retryAfterMs).toBe(ms);
  });

  it('is asked for again no sooner than it wants (F13)', () => {
    const busy = new ApiError(429, '', '2');
    const wait = (chance: number, leftMs = 60_000) => nextTryMs(busy, { made: 1, leftMs, chance });
    expect([wait(0), wait(1)]).toEqual([2000, 2200]);
    expect(wait(0, 2000)).toBeUndefined();
  });

  it('is asked for again ever more rarely, and not past the end of patience', () => {
    const lost = new NoAnswer(new Error('reset'));
    const wait = (made: number, leftMs = 60_000) => nextTryMs(lost, { made, leftMs, chance: 0 });
    expect([1, 2, 3, 4, 5, 6].map((made) => wait(made))).toEqual([200, 400, 800, 1600, 3000, 3000]);
    expect(wait(1, 200)).toBeUndefined();
    const refused = new ApiError(422, '', undefined);
    expect(nextTryMs(refused, { made: 1, leftMs: 60_000, chance: 0 })).toBeUndefined();
  });
});
