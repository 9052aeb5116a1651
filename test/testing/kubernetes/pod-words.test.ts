import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  createContainerLog,
  type ContainerLog,
} from '../../../testing/kubernetes/kubelet/container-log.js';
import { endOf } from '../../../testing/kubernetes/kubelet/container-state.js';
import { fieldOf } from '../../../testing/kubernetes/kubelet/downward.js';
import { expanded, localised } from '../../../testing/kubernetes/kubelet/expansion.js';
import {
  createLogWindow,
  logRequestOf,
  tailOf,
} from '../../../testing/kubernetes/kubelet/log-request.js';
import type { Pod } from '../../../testing/kubernetes/kubelet/pod.js';
import { quantityOf } from '../../../testing/kubernetes/kubelet/quantity.js';

describe('$(VAR) in what a pod says', () => {
  it.each([
    ['$(A)-$(B)', 'one-$(B)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['cost: $5 $A', 'cost: $5 $A'],
    ['$(A', '$(A'],
    ['$()', '$()'],
  ])('%s becomes %s', (text, wanted) => {
    expect(expanded(text, { A: 'one' })).toBe(wanted);
  });
});

describe("a container's paths", () => {
  const mounts = new Map([
    ['/modelyard/input', '/host/in'],
    ['/modelyard', '/host/all'],
    ['/tmp', '/tmp/pods/tmp'],
    ['/dev/termination-log', '/host/log'],
  ]);
  it.each([
    ['/modelyard/input/document.json', '/host/in/document.json'],
    ['/modelyard/other:/modelyard/input', '/host/all/other:/host/in'],
    ['--out=/tmp', '--out=/tmp/pods/tmp'],
    ["echo '{}' > /dev/termination-log; exit", "echo '{}' > /host/log; exit"],
    ['/tmpfoo /modelyard/input-2 /my/tmp ./tmp', '/tmpfoo /host/all/input-2 /my/tmp ./tmp'],
    ['file:///tmp/artifacts', 'file:///tmp/artifacts'],
  ])('%s becomes %s', (text, wanted) => {
    expect(localised(text, mounts)).toBe(wanted);
  });
});

describe('the downward API', () => {
  const metadata = { name: 'p', namespace: 'n', uid: 'u', annotations: { 'b/x': '1', a: 'q"' } };
  const pod: Pod = { metadata, spec: { containers: [] } };
  it.each([
    ['metadata.name', 'p'],
    ['metadata.uid', 'u'],
    ["metadata.annotations['b/x']", '1'],
    ["metadata.labels['none']", ''],
    ['metadata.annotations', 'a="q\\""\nb/x="1"'],
  ])('%s is %s', (path, wanted) => {
    expect(fieldOf(pod, path)).toBe(wanted);
  });
  it('refuses a field it does not know', () => {
    expect(() => fieldOf(pod, 'spec.unknown')).toThrow('got spec.unknown');
  });
});

describe('quantities', () => {
  it.each([
    ['500m', 0.5],
    ['2Gi', 2_147_483_648],
    ['1.5k', 1_500],
    ['3', 3],
  ])('%s is %d', (text, wanted) => {
    expect(quantityOf(text)).toBe(wanted);
  });
  it('refuses what is none', () => {
    expect(() => quantityOf('much')).toThrow('got much');
  });
});

describe('the end of a program', () => {
  it.each([
    [{ code: 0, signal: null }, {}, { exitCode: 0, reason: 'Completed' }],
    [{ code: 7, signal: null }, {}, { exitCode: 7, reason: 'Error' }],
    [{ code: null, signal: 'SIGTERM' as const }, {}, { exitCode: 143, reason: 'Error' }],
    [
      { code: null, signal: 'SIGKILL' as const },
      { outOfMemory: true },
      { exitCode: 137, reason: 'OOMKilled' },
    ],
  ])('%o is told as Kubernetes does', (exit, how, wanted) => {
    expect(endOf(exit, how)).toEqual(wanted);
  });
});

describe('the log of a container', () => {
  const read = async (...chunks: string[]): Promise<ContainerLog> => {
    const log = createContainerLog();
    const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    log.take(stream);
    await new Promise((resolve) => stream.once('end', resolve));
    log.end();
    return log;
  };
  const answer = (log: ContainerLog, query: string, now = Date.now()): string => {
    const asked = logRequestOf(new URLSearchParams(query), now);
    const shown = tailOf(log.lines, asked).map(createLogWindow(asked));
    return Buffer.concat(shown.filter((text) => text !== undefined)).toString();
  };

  it('is what was printed, cut where lines end and not where chunks do', async () => {
    const log = await read('one\ntw', 'o\nthr', 'ee');
    expect(log.lines.map(({ text }) => text.toString())).toEqual(['one\n', 'two\n', 'three']);
    expect(answer(log, '')).toBe('one\ntwo\nthree');
  });

  it.each([
    ['tailLines=2', 'two\nthree\n'],
    ['tailLines=0', ''],
    ['tailLines=9', 'one\ntwo\nthree\n'],
    ['limitBytes=6', 'one\ntw'],
    ['tailLines=2&limitBytes=5', 'two\nt'],
    ['sinceSeconds=60', 'one\ntwo\nthree\n'],
    ['sinceTime=2999-01-01T00:00:00Z', ''],
  ])('%s gives %j', async (query, wanted) => {
    expect(answer(await read('one\ntwo\nthree\n'), query)).toBe(wanted);
  });

  it('tells the time of each line where that is asked for', async () => {
    const shown = answer(await read('one\n'), 'timestamps=true');
    expect(shown).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n$/);
  });

  it('drops what is older than a minute where a minute is asked for', async () => {
    const log = await read('one\n');
    expect(answer(log, 'sinceSeconds=60', Date.now() + 120_000)).toBe('');
  });
});
