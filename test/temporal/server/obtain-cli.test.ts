import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { obtainCli, type ObtainOptions } from '../../../temporal/server/obtain-cli.mjs';
import { cliScript, executable, temporaryDirectory } from './stand-in.js';

const SYSTEM_TOOLS = '/usr/bin:/bin';
const UNREACHABLE = 'http://127.0.0.1:1';

let directory: string;
let home: string;
let bin: string;
let lines: string[];
let server: Server | undefined;

beforeEach(async () => {
  directory = await temporaryDirectory();
  [home, bin] = [join(directory, 'home'), join(directory, 'bin')];
  await mkdir(bin);
  lines = [];
});

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

function options(overrides: Partial<ObtainOptions> = {}): ObtainOptions {
  return {
    home,
    module: directory,
    report: (line) => lines.push(line),
    env: { PATH: `${bin}:${SYSTEM_TOOLS}` },
    downloadService: UNREACHABLE,
    downloadTimeoutMs: 300,
    ...overrides,
  };
}

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** A Go that builds the stand-in and keeps what it was asked. */
function fakeGo(): Promise<string> {
  return executable(
    join(bin, 'go'),
    `#!/bin/sh
if [ "$1" = env ]; then echo go1.26.4; exit 0; fi
env > '${directory}/go-environment'
echo "$@" > '${directory}/go-arguments'
while [ "$1" != -o ]; do shift; done
cat > "$2" <<'SCRIPT'
${cliScript('1.31.2')}SCRIPT
`,
  );
}

async function archive(): Promise<Buffer> {
  await executable(join(directory, 'temporal'), cliScript('1.31.2'));
  return execFileSync('tar', ['-czf', '-', '-C', directory, 'temporal']);
}

describe('obtaining the Temporal CLI', () => {
  test('takes the one that TEMPORAL_CLI names first', async () => {
    await executable(join(bin, 'temporal'), cliScript('1.31.2'));
    const named = await executable(join(directory, 'mine'), cliScript('1.30.0'));
    const env = { ...options().env, TEMPORAL_CLI: named };
    expect(await obtainCli(options({ env }))).toEqual({ path: named, server: '1.30.0' });
  });

  test('refuses a TEMPORAL_CLI that is too old instead of quietly using another', async () => {
    await executable(join(bin, 'temporal'), cliScript('1.31.2'));
    const named = await executable(join(directory, 'mine'), cliScript('1.28.9'));
    const env = { ...options().env, TEMPORAL_CLI: named };
    await expect(obtainCli(options({ env }))).rejects.toThrow(
      /server 1\.28\.9; 1\.29\.1 \(CLI 1\.5\.1\) or newer is needed/,
    );
  });

  test('takes one on PATH, and passes over an older one before it', async () => {
    const newer = join(directory, 'newer');
    await mkdir(newer);
    await executable(join(bin, 'temporal'), cliScript('1.27.0'));
    await executable(join(newer, 'temporal'), cliScript('1.29.1'));
    const env = { PATH: `${bin}:${newer}:${SYSTEM_TOOLS}` };
    expect(await obtainCli(options({ env }))).toEqual({
      path: join(newer, 'temporal'),
      server: '1.29.1',
    });
    expect(lines.join()).toContain('1.27.0');
  });

  test('downloads it by the service the Temporal SDKs use, and does so once', async () => {
    const content = await archive();
    const asked: string[] = [];
    const service = await serve((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/archive') response.end(content);
      else
        response.end(
          JSON.stringify({
            archiveUrl: `http://${String(request.headers.host)}/archive`,
            fileToExtract: 'temporal',
          }),
        );
    });
    const first = await obtainCli(options({ downloadService: service }));
    const second = await obtainCli(options({ downloadService: service }));
    expect(first).toEqual({ path: join(home, 'temporal', '1.8.2', 'temporal'), server: '1.31.2' });
    expect(second).toEqual(first);
    expect(asked).toEqual([
      expect.stringMatching(/^\/cli\/v1\.8\.2\?arch=\w+&platform=\w+&format=tar\.gz$/),
      '/archive',
    ]);
  });

  test('lets a slow download go on as long as it moves', async () => {
    const content = await archive();
    const service = await serve((request, response) => {
      if (request.url !== '/archive') {
        response.end(
          JSON.stringify({
            archiveUrl: `http://${String(request.headers.host)}/archive`,
            fileToExtract: 'temporal',
          }),
        );
        return;
      }
      const pieces = Array.from({ length: 10 }, (_, place) =>
        content.subarray((place * content.length) / 10, ((place + 1) * content.length) / 10),
      );
      const timer = setInterval(() => {
        const piece = pieces.shift();
        if (piece !== undefined) response.write(piece);
        else {
          clearInterval(timer);
          response.end();
        }
      }, 100);
    });
    expect((await obtainCli(options({ downloadService: service }))).server).toBe('1.31.2');
  });

  test('a download that cannot be reached falls through to the build from Go modules', async () => {
    await fakeGo();
    expect((await obtainCli(options())).server).toBe('1.31.2');
    expect(lines.join('\n')).toMatch(
      /download of the Temporal CLI failed: 127\.0\.0\.1:1 was not reached/,
    );
  });

  test('a download that never answers gives up within its time and falls through', async () => {
    await fakeGo();
    const service = await serve(() => undefined);
    expect((await obtainCli(options({ downloadService: service }))).server).toBe('1.31.2');
    expect(lines.join('\n')).toContain('was not reached within 300 ms');
  });

  test('a download that stops in the middle is given up and nothing of it is kept', async () => {
    await fakeGo();
    const content = await archive();
    const service = await serve((request, response) => {
      if (request.url === '/archive') response.write(content.subarray(0, 50));
      else
        response.end(
          JSON.stringify({
            archiveUrl: `http://${String(request.headers.host)}/archive`,
            fileToExtract: 'temporal',
          }),
        );
    });
    expect((await obtainCli(options({ downloadService: service }))).server).toBe('1.31.2');
    expect(lines.join('\n')).toContain('sent nothing for 300 ms');
  });

  test('an answer that names a path instead of a file is not unpacked', async () => {
    const service = await serve((_, response) =>
      response.end(
        JSON.stringify({ archiveUrl: 'http://127.0.0.1/x', fileToExtract: '../../etc/passwd' }),
      ),
    );
    await expect(obtainCli(options({ downloadService: service }))).rejects.toThrow(
      /names no archive/,
    );
  });

  test('builds from the pinned modules alone, with caches of its own where there is no home', async () => {
    await fakeGo();
    await obtainCli(options());
    const environment = readFileSync(join(directory, 'go-environment'), 'utf8');
    expect(environment).toContain(`GOCACHE=${join(home, 'go', 'cache')}`);
    expect(environment).toContain(`GOMODCACHE=${join(home, 'go', 'modules')}`);
    expect(readFileSync(join(directory, 'go-arguments'), 'utf8')).toContain('-mod=readonly');
  });

  test('uses the module cache that the environment names', async () => {
    await fakeGo();
    await obtainCli(options({ env: { ...options().env, GOMODCACHE: '/shared/modules' } }));
    expect(readFileSync(join(directory, 'go-environment'), 'utf8')).toContain(
      'GOMODCACHE=/shared/modules',
    );
  });

  test('names the three ways when none works', async () => {
    await executable(join(bin, 'go'), '#!/bin/sh\necho go1.19.8\n');
    const failure = await obtainCli(options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'SetupError' });
    expect(String(failure)).toMatch(/TEMPORAL_CLI[\s\S]*temporal\.download[\s\S]*install Go/);
    expect(String(failure)).toContain('found go1.19.8');
  });
});
