import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../gateway/gateway.js';
import { startTimeOf } from '../../gateway/hosts/identity.js';
import { makeBed, optionsFor, type Bed } from './support/bed.js';
import { Client, digestOfVersion, modelSpec, targetOf } from './support/client.js';
import { temporaryDirectory } from './support/gateway-process.js';

describe('hosts', () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await makeBed({
      instances: { logCapBytes: 2_000, graceMs: 1_000 },
      limits: { hosts: 20 },
    });
  });
  afterAll(() => bed.dispose());

  it('are ready only when they loaded the digest asked for (F20, R10)', async () => {
    const altered = await bed.model(2, { digest: digestOfVersion(99), honest: false });
    const host = await bed.client.startHost(altered, { phase: 'unhealthy' });
    expect(host.digest).toBe(digestOfVersion(99));
    expect(host.detail).toContain(digestOfVersion(2));
    expect(host.detail).toContain(digestOfVersion(99));
    expect((await bed.client.route('altered', 1, { live: targetOf(altered) })).body['code']).toBe(
      'HostNotReady',
    );
  });

  it('show what the model server says of a digest that differs (F20)', async () => {
    const host = await bed.client.startHost(await bed.model(3, { digest: digestOfVersion(98) }), {
      phase: 'unhealthy',
    });
    expect(host.detail).toContain('IntegrityError');
  });

  it('that are killed are started again and answer again', async () => {
    const spec = await bed.model(4);
    const before = await bed.client.startHost(spec);
    await bed.client.route('killed', 1, { live: targetOf(spec) });
    process.kill(before.pid, 'SIGKILL');
    const after = await bed.client.hostUntil(
      spec.name,
      (host) => host.phase === 'ready' && host.pid !== before.pid,
    );
    expect(after.restarts).toBe(1);
    expect((await bed.client.score('killed')).status).toBe(200);
  });

  it('that keep dying become unhealthy with the end of their log, and recover once the cause is gone', async () => {
    const spec = await bed.model(5, { exit: 1 });
    const broken = await bed.client.startHost(spec, { phase: 'unhealthy' });
    expect(broken.detail).toContain('exit code 1');
    expect(broken.detail).toContain('this model ends with 1');
    expect(broken.restarts).toBeGreaterThanOrEqual(4);
    await writeFile(spec.modelUri, JSON.stringify({ value: 5 }));
    await bed.client.hostUntil(spec.name, (host) => host.phase === 'ready');
  });

  it('are not started again when they are retired in the pause before that', async () => {
    const spec = await bed.model(12, { exit: 73 });
    await bed.client.startHost(spec, { phase: 'unhealthy' });
    const deaths = () => bed.events.filter((event) => event['host'] === spec.name).length;
    expect((await bed.client.admin('DELETE', `/hosts/${spec.name}`)).status).toBe(204);
    const atItsEnd = deaths();
    // Another one starts meanwhile, so that the pause of this one is over.
    await bed.client.startHost(await bed.model(13));
    expect(deaths()).toBe(atItsEnd);
    expect((await bed.client.admin('GET', `/hosts/${spec.name}`)).status).toBe(404);
  });

  it('that end with a code that no retry helps are unhealthy at once', async () => {
    const spec = await bed.model(6, { exit: 73 });
    await bed.client.startHost(spec, { phase: 'unhealthy' });
    const { phase, restarts } = await bed.client.hostUntil(spec.name, ({ detail }) =>
      detail.includes('exit code 73'),
    );
    expect(phase).toBe('unhealthy');
    expect(restarts).toBeLessThan(2);
  });

  it('that hang are ended and started again', async () => {
    const own = await makeBed({
      instances: { pingTimeoutMs: 50, hungAfterMissed: 3, graceMs: 100 },
    });
    const spec = await own.model(7);
    const before = await own.client.startHost(spec);
    process.kill(before.pid, 'SIGSTOP');
    const after = await own.client.hostUntil(
      spec.name,
      (host) => host.phase === 'ready' && host.pid !== before.pid,
    );
    expect(after.restarts).toBe(1);
    expect(startTimeOf(before.pid)).toBeUndefined();
    await own.dispose();
  });

  it('are one for many calls that ask for the same, and refuse another spec under the name', async () => {
    const spec = await bed.model(8);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => bed.client.admin('PUT', `/hosts/${spec.name}`, spec)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    const other = await bed.client.admin('PUT', `/hosts/${spec.name}`, {
      ...spec,
      digest: digestOfVersion(1),
    });
    expect([other.status, other.body['code']]).toEqual([409, 'HostConflict']);
  });

  it('are not retired while a route names them, and leave nothing once they are (I10)', async () => {
    const spec = await bed.model(9);
    const { pid } = await bed.client.startHost(spec);
    await bed.client.route('using', 1, {
      live: null,
      canary: { ...targetOf(spec), weightPercent: 50 },
    });
    const refused = await bed.client.admin('DELETE', `/hosts/${spec.name}`);
    expect([refused.status, refused.body['code']]).toEqual([409, 'HostInUse']);
    await bed.client.route('using', 2, { live: null });
    expect((await bed.client.admin('DELETE', `/hosts/${spec.name}`)).status).toBe(204);
    expect((await bed.client.admin('DELETE', `/hosts/${spec.name}`)).status).toBe(204);
    expect(startTimeOf(pid)).toBeUndefined();
    expect(await readdir(join(bed.directory, 'hosts'))).not.toContain(spec.name);
  });

  it('never lose a route write to a retirement at the same moment', async () => {
    const spec = await bed.model(10);
    await bed.client.startHost(spec);
    const [written, retired] = await Promise.all([
      bed.client.route('raced', 1, { live: targetOf(spec) }),
      bed.client.admin('DELETE', `/hosts/${spec.name}`),
    ]);
    expect([written.status, retired.status]).toSatisfy(
      ([write, retire]: number[]) => (write === 200) === (retire === 409),
    );
  });

  it('keep their logs within the cap', async () => {
    const spec = await bed.model(11);
    await bed.client.startHost(spec);
    const log = join(bed.directory, 'hosts', spec.name, 'log');
    await writeFile(log, 'x'.repeat(5_000));
    await expect.poll(async () => (await stat(log)).size).toBeLessThan(2_000);
    expect((await stat(`${log}.1`)).size).toBe(5_000);
  });

  it('are not more than the gateway may keep', async () => {
    const { hosts } = (await bed.client.admin('GET', '/hosts')).body as { hosts: unknown[] };
    for (let more = hosts.length; more < 20; more += 1) {
      const spec = await bed.model(100 + more);
      await bed.client.admin('PUT', `/hosts/${spec.name}`, spec);
    }
    const spec = await bed.model(200);
    const answer = await bed.client.admin('PUT', `/hosts/${spec.name}`, spec);
    expect([answer.status, answer.body['code']]).toEqual([503, 'TooManyHosts']);
  });
});

describe('a start after a crash in the middle of', () => {
  const sleeper = (env: Record<string, string>) => {
    const child = spawn('sleep', ['600'], {
      detached: true,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ...env },
    });
    return { pid: child.pid ?? 0, ended: once(child, 'exit') };
  };

  it('starting a model server finds the process that was not written down yet, and has no second one', async () => {
    const directory = await temporaryDirectory();
    const spec = await modelSpec(directory.path, 1);
    const { pid, ended } = sleeper({ MODELYARD_HOST_INSTANCE: 'the-instance' });
    await leave(directory.path, spec.name, {
      'spec.json': spec,
      'process.json': { instance: 'the-instance', port: 1, identity: null },
    });
    const gateway = await startGateway(
      optionsFor(directory.path, { instances: { graceMs: 200 } }),
      () => undefined,
    );
    const client = new Client(gateway.url);
    expect((await client.host(spec.name)).pid).toBe(pid);
    await client.close();
    await gateway.close();
    await ended;
    await directory.remove();
  });

  it('retiring a host ends its process and clears it away', async () => {
    const directory = await temporaryDirectory();
    const { pid, ended } = sleeper({});
    const identity = { pid, startTime: startTimeOf(pid) };
    await leave(directory.path, 'half-retired', {
      'process.json': { instance: 'i', port: 1, identity },
    });
    const gateway = await startGateway(optionsFor(directory.path), () => undefined);
    await ended;
    expect(await readdir(join(directory.path, 'hosts'))).toEqual([]);
    await gateway.close();
    await directory.remove();
  });

  it('nothing it did: a process that only has the id of the old one is left alone', async () => {
    const directory = await temporaryDirectory();
    const spec = await modelSpec(directory.path, 1);
    const { pid, ended } = sleeper({});
    const identity = { pid, startTime: 'another' };
    await leave(directory.path, spec.name, {
      'spec.json': spec,
      'process.json': { instance: 'i', port: 1, identity },
    });
    const gateway = await startGateway(optionsFor(directory.path), () => undefined);
    const client = new Client(gateway.url);
    const host = await client.hostUntil(spec.name, ({ phase }) => phase === 'ready');
    expect(host.pid).not.toBe(pid);
    await client.close();
    await gateway.close();
    expect(startTimeOf(pid)).toBeDefined();
    process.kill(pid, 'SIGKILL');
    await ended;
    await directory.remove();
  });

  async function leave(
    dataDirectory: string,
    name: string,
    files: Record<string, unknown>,
  ): Promise<void> {
    const directory = join(dataDirectory, 'hosts', name);
    await mkdir(directory, { recursive: true });
    for (const [file, content] of Object.entries(files))
      await writeFile(join(directory, file), JSON.stringify(content));
  }
});
