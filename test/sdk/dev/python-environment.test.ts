import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, test } from 'vitest';

import {
  ensurePythonEnvironment,
  type EnvironmentOptions,
} from '../../../sdk/dev/setup/python-environment.mjs';
import { executable, temporaryDirectory } from '../../temporal/server/stand-in.js';

let directory: string;
let harness: string;
let calls: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  [harness, calls] = [join(directory, 'harness'), join(directory, 'calls')];
  await mkdir(harness);
  await mkdir(join(directory, 'bin'));
  await writeFile(join(harness, 'requirements.txt'), 'mlflow==3.17.2\n');
  await writeFile(join(harness, 'requirements-dev.txt'), 'pytest==9.0.0\n');
  await interpreter('3.11.7');
});

/** A Python that keeps what it was asked and makes environments of itself. */
async function interpreter(version: string, uvExit = 0): Promise<void> {
  const uv = `#!/bin/sh\necho "uv $@ index=$UV_DEFAULT_INDEX" >> '${calls}'\nexit ${String(uvExit)}\n`;
  await executable(
    join(directory, 'bin', 'python3'),
    `#!/bin/sh
case "$2" in
  *ensurepip*) echo ${version};;
  venv) echo "venv" >> '${calls}'; mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  pip) echo "pip $*" >> '${calls}'
    case "$*" in *uv==*) cat > "$(dirname "$0")/uv" <<'SCRIPT'
${uv}SCRIPT
    chmod +x "$(dirname "$0")/uv";; esac;;
esac
`,
  );
}

function env(): NodeJS.ProcessEnv {
  return { PATH: `${join(directory, 'bin')}:/usr/bin:/bin`, MODELYARD_PYTHON_BASE: 'python3' };
}

function ensure(overrides: Partial<EnvironmentOptions> = {}) {
  return ensurePythonEnvironment({
    home: join(directory, 'home'),
    harness,
    report: () => undefined,
    env: env(),
    ...overrides,
  });
}

function called(pattern: RegExp): number {
  return existsSync(calls)
    ? readFileSync(calls, 'utf8')
        .split('\n')
        .filter((line) => pattern.test(line)).length
    : 0;
}

describe('the Python environment', () => {
  test('is made once and then reused', async () => {
    const first = await ensure();
    const second = await ensure();
    expect(second).toEqual(first);
    expect(called(/^venv/)).toBe(1);
    expect(called(/^uv pip install/)).toBe(1);
  });

  test('is made by one of several callers at the same time', async () => {
    await Promise.all([ensure(), ensure(), ensure()]);
    expect(called(/^venv/)).toBe(1);
  });

  test('that an interrupted installation left is made anew', async () => {
    const { directory: made } = await ensure();
    await rm(join(made, '.ready'));
    await writeFile(join(made, 'leftover'), '');
    await ensure();
    expect(called(/^venv/)).toBe(2);
    expect(existsSync(join(made, 'leftover'))).toBe(false);
  });

  test('is another one for other requirements and for another Python', async () => {
    const first = await ensure();
    await writeFile(join(harness, 'requirements.txt'), 'mlflow==3.18.0\n');
    const second = await ensure();
    await interpreter('3.12.1');
    const third = await ensure();
    expect(new Set([first.directory, second.directory, third.directory]).size).toBe(3);
  });

  test('takes extras into the same place, together with the base that pins them', async () => {
    const base = await ensure();
    const extended = await ensure({ extras: ['dev'] });
    await ensure();
    expect(extended).toEqual(base);
    expect(called(/^venv/)).toBe(1);
    expect(called(/-r .*requirements\.txt -r .*requirements-dev\.txt/)).toBe(1);
  });

  test('is installed by pip where uv does not succeed', async () => {
    await interpreter('3.11.7', 1);
    await ensure();
    expect(called(/^pip -m pip install -r/)).toBe(1);
  });

  test('hands the index settings of pip to uv', async () => {
    await ensure({ env: { ...env(), PIP_INDEX_URL: 'https://index.example' } });
    expect(called(/^uv pip install .* index=https:\/\/index\.example$/)).toBe(1);
  });

  test('needs Python 3.10, and says what was found and how to get one', async () => {
    await interpreter('3.9.2');
    await expect(ensure()).rejects.toThrow(
      /Python 3\.10 or newer[\s\S]*python3: is 3\.9\.2[\s\S]*apt install python3/,
    );
  });

  test('needs the pinned requirements, and says which file is missing', async () => {
    await expect(ensure({ extras: ['examples'] })).rejects.toThrow(
      /requirements-examples\.txt is missing/,
    );
  });
});
