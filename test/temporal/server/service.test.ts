import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { isAlive, startTimeOf } from '../../../temporal/server/process-identity.mjs';
import {
  ensureService,
  findRunning,
  stopService,
  type RecordedService,
  type ServiceSpec,
} from '../../../temporal/server/service.js';
import { temporaryDirectory } from './stand-in.js';

let directory: string;
const started: RecordedService[] = [];

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  for (const service of started.splice(0)) await stopService(service, 0);
});

function script(code: string, overrides: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: 'The stand-in',
    command: process.execPath,
    args: ['-e', code],
    logFile: join(directory, 'log'),
    recordFile: join(directory, 'record.json'),
    ...overrides,
  };
}

async function ensure(
  spec: ServiceSpec,
  probe = () => Promise.resolve(true),
): Promise<RecordedService> {
  const service = await ensureService(spec, { probe, timeoutMs: 10_000 });
  started.push(service);
  return service;
}

const FOR_EVER = 'setInterval(() => {}, 1000)';

describe('a background service', () => {
  test('is adopted when it is the recorded one, of the same specification, and answers', async () => {
    const first = await ensure(script(FOR_EVER));
    expect((await ensure(script(FOR_EVER))).pid).toBe(first.pid);
  });

  test('is replaced when another version is wanted', async () => {
    const first = await ensure(script(FOR_EVER, { version: '1' }));
    const second = await ensure(script(FOR_EVER, { version: '2' }));
    expect(second.pid).not.toBe(first.pid);
    expect(isAlive(first)).toBe(false);
  });

  test('is not mistaken for another process that got its number', async () => {
    const first = await ensure(script(FOR_EVER));
    writeFileSync(join(directory, 'record.json'), JSON.stringify({ ...first, startTime: '1' }));
    expect(await findRunning(join(directory, 'record.json'))).toBeUndefined();
  });

  test('that ends before it answers is reported with the end of its log', async () => {
    const spec = script('console.error("no space left"); process.exit(3)');
    await expect(ensure(spec, () => Promise.resolve(false))).rejects.toThrow(
      /ended before it answered[\s\S]*no space left/,
    );
  });

  test('that ignores SIGTERM is ended with its children', async () => {
    const child = `process.on("SIGTERM", () => {}); ${FOR_EVER}`;
    const spec = script(
      `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}]);
       require("fs").writeFileSync(${JSON.stringify(join(directory, 'child'))}, String(c.pid)); ${child}`,
    );
    const service = await ensure(spec, () => Promise.resolve(existsSync(join(directory, 'child'))));
    await stopService(service, 200);
    expect(isAlive(service)).toBe(false);
    await expect
      .poll(() => startTimeOf(Number(readFileSync(join(directory, 'child'), 'utf8'))))
      .toBeUndefined();
  });

  test('that is stopped by SIGSTOP still gets its chance to end well', async () => {
    const goodbye = join(directory, 'goodbye');
    const spec = script(
      `process.on("SIGTERM", () => { require("fs").writeFileSync(${JSON.stringify(goodbye)}, ""); process.exit(0) }); console.log("up"); ${FOR_EVER}`,
    );
    const service = await ensure(spec, () =>
      Promise.resolve(readFileSync(spec.logFile, 'utf8').includes('up')),
    );
    process.kill(service.pid, 'SIGSTOP');
    await stopService(service, 5_000);
    expect(existsSync(goodbye)).toBe(true);
  });
});
