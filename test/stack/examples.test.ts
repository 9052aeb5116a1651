import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentOf } from './support/environment.js';
import { connected, type Connected } from './support/platform.js';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const run = promisify(execFile);

/** What each program prints when it shows what its header promises. */
const SHOWN: Record<string, RegExp[]> = {
  // On a stack where the README's quick start came first, the same model is a second one, and equal never wins.
  '01-retrain/retrain.ts': [/^churn\/\d+: (promoted|not-better), /m, /^churn\/\d+ says: leaves/m],
  '02-gates/gates.ts': [
    /^the first model: gates-\w+\/1 promoted$/m,
    /^a better one: gates-\w+\/2 promoted$/m,
    /auc of plan=small improvement: passed, /,
    /log_loss improvement: failed \(does not decide\), /,
    /^Under a stricter rule 2 would have come out otherwise:$/m,
  ],
  '03-rollout-and-rollback/rollback.ts': [
    /^rollback-\w+\/1 promoted, rollback-\w+\/2 not-better$/m,
    /^refused: promote was not started:/m,
    /\/2 is live, by override: /,
    /^asked twice, done once: true$/m,
    /^refused: rollback-\w+\/2 is quarantined /m,
    /^rollback-\w+\/3 promoted, then rolled-back:\n {2}live check failed: error_rate: /m,
    /^live at \S+: rollback-\w+\/2; live now: rollback-\w+\/1$/m,
    / shift rollback-\w+\/1 -> rollback-\w+\/2 by /,
    / rollback rollback-\w+\/3 -> rollback-\w+\/1 by modelyard: live check failed: /,
    /^the chain of 11 entries holds$/m,
  ],
  '04-shadow-window/shadow.ts': [
    /^shadow-\w+\/2 not-better$/m,
    /^full, free again when the other window ends: true$/m,
    /^failed; extended: false$/m,
    /^ {2}requests: passed, the candidate answered \d+ copies of live requests, /m,
    /^ {2}error_rate: passed, error_rate 0 against at most 0\.01, of \d+ samples /m,
    /^ {2}score_mean_abs_diff: failed, score_mean_abs_diff 0\.\d+ against at most 0\.05, /m,
    /^inconclusive; extended: true\n {2}requests: inconclusive, the candidate answered 0 /m,
    /^ {2}the route is as it was: true\n {2}shadow-start /m,
    /^ {2}shadow-start (shadow-\w+)\/1 -> \1\/2: and at night\?$/m,
    /^ {2}shadow-end (shadow-\w+)\/2 -> \1\/1: seen enough$/m,
    /^ {2}shadow-end (shadow-\w+)\/2 -> \1\/1: its window was until /m,
  ],
  '05-nightly/nightly.ts': [
    /: 0 2 \* \* \*, next at \S+T02:00:00Z, /,
    /^paused: the warehouse moves this week$/m,
    /slot-2025-03-20T02:00:00Z\n {2}data until 2025-03-20T02:00:00Z: promoted, /,
    /data until \S+: not-better, /,
    /^deleted; the definition has no schedule$/m,
  ],
  '06-approvals/approvals.ts': [
    /^refused: operations asked for the rollout of approvals-\w+\/1/m,
    /^approvals-\w+\/1 promoted, approved by service-owner at \S+, unsigned$/m,
    /^refused: approvals-\w+ is frozen by service-owner: the quarter is being closed/m,
    /^rejected: .*not before the summer/m,
    /^waits for its change window, until 01-01T02:00:00/m,
  ],
};

let on: Connected;
beforeAll(async () => {
  on = await connected();
});
afterAll(() => on.platform.close());

describe('the numbered examples', () => {
  it('are all run by these tests, and open with six lines of what to notice', async () => {
    const folders = (await readdir(examples)).filter((name) => /^\d\d-/.test(name));
    const programs = await Promise.all(
      folders.map(async (folder) =>
        (await readdir(join(examples, folder)))
          .filter((name) => name.endsWith('.ts'))
          .map((name) => `${folder}/${name}`),
      ),
    );
    expect(programs.flat().sort()).toEqual(Object.keys(SHOWN).sort());
    for (const program of programs.flat()) {
      const lines = (await readFile(join(examples, program), 'utf8')).split('\n');
      expect(
        lines.findIndex((line) => !line.startsWith('// ')),
        program,
      ).toBe(6);
    }
  });

  it.each(Object.entries(SHOWN))('%s shows what it promises', async (program, shown) => {
    const { stdout } = await run(process.execPath, [join(examples, program)], {
      // Anything but the repository: no example may rely on where it is started.
      cwd: await mkdtemp(join(tmpdir(), 'example-')),
      env: environmentOf(on.stack),
    });
    for (const pattern of shown) expect(stdout).toMatch(pattern);
  });
});
