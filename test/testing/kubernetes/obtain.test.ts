import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { obtainControlPlane, type ObtainOptions } from '../../../testing/index.js';

const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const GO_MOD =
  'require (\n\tgo.etcd.io/etcd/server/v3 v3.6.8 // indirect\n\tk8s.io/kubernetes v1.36.3\n)\n';

let place: string;
let said: string[];
const at = (...names: string[]): string => join(place, ...names);

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'modelyard-obtain-'));
  said = [];
  for (const name of ['bin', 'module']) mkdirSync(at(name));
  writeFileSync(at('module', 'go.mod'), GO_MOD);
  writeFileSync(at('module', 'go.sum'), '');
});
afterEach(() => {
  rmSync(place, { recursive: true, force: true });
});

/** Nothing on PATH but what the test puts there, and what shell scripts are made of. */
const obtain = (changes: Partial<ObtainOptions> = {}): Promise<string> =>
  obtainControlPlane({
    report: (line) => said.push(line),
    env: { PATH: `${at('bin')}:/usr/bin:/bin`, GO_ENDS: '0' },
    home: at('home'),
    module: at('module'),
    services: { kubernetes: 'http://127.0.0.1:9', etcd: 'http://127.0.0.1:9' },
    downloadTimeoutMs: 2_000,
    ...changes,
  });

function executable(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** A Go whose every build makes the programs, named as the real one names them, and notes that it did. */
const installGo = (version = 'go1.26.8'): void =>
  executable(
    at('bin', 'go'),
    `if [ "$1" = env ]; then echo ${version}; exit 0; fi
     echo built >> ${at('builds')}
     [ "$GO_ENDS" = 0 ] || { echo no module proxy >&2; exit 1; }
     while [ "$1" != -o ]; do shift; done
     for program in server kube-apiserver kube-controller-manager kube-scheduler; do echo ${version} > "$2$program"; done`,
  );
const builds = (): number => readFileSync(at('builds'), 'utf8').trim().split('\n').length;

describe('obtaining a control plane', () => {
  it('uses the folder that MODELYARD_KUBERNETES_BIN names, and says what it lacks', async () => {
    const env = { MODELYARD_KUBERNETES_BIN: at('bin') };
    for (const program of PROGRAMS.slice(1)) executable(at('bin', program), '');
    await expect(obtain({ env })).rejects.toThrow(`${at('bin')}, which has no etcd`);
    executable(at('bin', 'etcd'), '');
    expect(await obtain({ env })).toBe(at('bin'));
  });

  it('builds the programs once for what is pinned and for the Go at hand, also for two that ask at once', async () => {
    installGo();
    const [folder, same] = await Promise.all([obtain(), obtain()]);
    expect(same).toBe(folder);
    expect(readdirSync(folder).sort()).toEqual(PROGRAMS);
    expect(builds()).toBe(1);
    installGo('go1.27.0');
    expect(await obtain()).not.toBe(folder);
    writeFileSync(at('module', 'go.sum'), 'another digest');
    await obtain();
    expect(builds()).toBe(3);
  });

  it('says in one line why nothing worked, and leaves nothing half made', async () => {
    installGo();
    const env = { PATH: `${at('bin')}:/usr/bin:/bin`, GO_ENDS: '1' };
    const error = await obtain({ env }).catch((caught: unknown) => caught as Error);
    if (typeof error === 'string') throw new Error('expected a refusal');
    expect(error.name).toBe('SetupError');
    expect(error.message).toMatch(/download: 127\.0\.0\.1:9 was not.*; build from Go modules: /);
    expect(error.message).not.toContain('\n');
    expect(said.join('\n')).toContain('no module proxy');
    expect(readdirSync(at('home', 'kubernetes'))).toEqual(['go']);
  });
});

describe.runIf(process.platform === 'linux')('downloading', () => {
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const archive = `etcd-v3.6.8-linux-${arch}`;
  let server: Server;
  let url: string;
  let files: Map<string, Buffer>;

  beforeEach(async () => {
    files = releases();
    server = createServer((request, response) => {
      const file = files.get(request.url ?? '');
      response.writeHead(file ? 200 : 404).end(file);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    executable(at('bin', 'go'), 'exit 127');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

  /** What the two projects would serve, by path. */
  function releases(): Map<string, Buffer> {
    mkdirSync(at(archive));
    executable(at(archive, 'etcd'), 'echo etcd');
    execFileSync('tar', ['-czf', at('etcd.tar.gz'), '-C', place, archive]);
    const etcd = readFileSync(at('etcd.tar.gz'));
    const served = new Map([
      [`/v3.6.8/${archive}.tar.gz`, etcd],
      ['/v3.6.8/SHA256SUMS', Buffer.from(`${digest(etcd)}  ${archive}.tar.gz\n`)],
    ]);
    for (const program of PROGRAMS.slice(1)) {
      const content = Buffer.from(`#!/bin/sh\necho ${program}\n`);
      const path = `/v1.36.3/bin/linux/${arch}/${program}`;
      served.set(path, content).set(`${path}.sha256`, Buffer.from(digest(content)));
    }
    return served;
  }

  const download = (): Promise<string> => obtain({ services: { kubernetes: url, etcd: url } });

  it('fetches what the projects release', async () => {
    const folder = await download();
    expect(readdirSync(folder).sort()).toEqual(PROGRAMS);
    expect(execFileSync(join(folder, 'etcd')).toString()).toBe('etcd\n');
    server.close();
    expect(await download()).toBe(folder);
  });

  it.each([`/v1.36.3/bin/linux/${arch}/kube-scheduler`, `/v3.6.8/${archive}.tar.gz`])(
    'refuses a file whose digest is another than the published: %s',
    async (path) => {
      files.set(path, Buffer.from('something else'));
      await expect(download()).rejects.toThrow(/sha256/);
    },
  );
});
