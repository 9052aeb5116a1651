import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { liveClaim } from '../../../../activities/compute/process/claims.js';
import { compile, type Compiled } from '../compiled.js';

const CLAIMER = `import { once } from 'node:events';
import { takeClaim } from './activities/compute/process/claims.js';
console.log('ready');
await once(process.stdin, 'data');
console.log(JSON.stringify((await takeClaim(process.argv[2])) ?? null));
setInterval(() => {}, 1000);
`;

let compiled: Compiled;
let claims: string;
let children: ChildProcess[];
beforeAll(() => {
  compiled = compile();
});
afterAll(() => {
  compiled[Symbol.dispose]();
});
beforeEach(() => {
  claims = mkdtempSync(join(tmpdir(), 'modelyard-claims-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(claims, { recursive: true });
});

describe('a claim', () => {
  it('is taken by one of many that race for it, at first and after each death of its holder (I8)', async () => {
    for (const generation of [1, 2, 3]) {
      const racers = await startRacers(5);
      const answers = await Promise.all(racers.map(race));
      const winners = answers.filter((answer) => answer !== null);
      expect(winners).toHaveLength(1);
      expect(winners[0]).toMatchObject({ generation });
      expect(await liveClaim(claims)).toEqual(winners[0]);
      for (const racer of racers) {
        racer.kill('SIGKILL');
        await once(racer, 'exit');
      }
      expect(await liveClaim(claims)).toBeUndefined();
    }
    expect(readdirSync(claims).sort()).toEqual(['1.json', '2.json', '3.json']);
  });
});

async function startRacers(count: number): Promise<ChildProcess[]> {
  const script = compiled.script('claimer', CLAIMER);
  const racers = Array.from({ length: count }, () =>
    spawn(process.execPath, [script, claims], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  children.push(...racers);
  await Promise.all(racers.map((racer) => once(racer.stdout, 'data')));
  return racers;
}

async function race(racer: ChildProcess): Promise<unknown> {
  racer.stdin?.write('go\n');
  if (racer.stdout === null) throw new Error('expected a pipe');
  const [line] = (await once(racer.stdout, 'data')) as [Buffer];
  return JSON.parse(line.toString());
}
