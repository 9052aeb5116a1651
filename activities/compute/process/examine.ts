import { access, mkdir, mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Examined } from '../../../temporal/contracts/job.js';
import { FAILURES } from '../../../temporal/errors.js';
import type { ResourceClasses } from '../classes.js';
import type { EnvironmentOptions } from './environment.js';
import { versionOf } from './interpreter.js';
import { type Demand, sayDemand } from './records.js';

type Places = Pick<EnvironmentOptions, 'python' | 'harness' | 'home'> & {
  readonly directory: string;
};

/** Looks at everything of this machine that a job needs. */
export function examineMachine(
  { python, harness, home, directory }: Places,
  slots: Demand,
  classes: ResourceClasses,
): Promise<Examined[]> {
  return Promise.all([
    examined('python', async () => `${await versionOf(python, harness)}, ${python}`),
    examined('harness', async () => {
      await access(join(harness, 'modelyard', '__main__.py'));
      return harness;
    }),
    examined('jobs directory', () => takesFiles(directory)),
    examined('home', () => takesFiles(home)),
    examined('slots', () => Promise.resolve(whatFits(slots, classes))),
  ]);
}

async function examined(what: string, look: () => Promise<string>): Promise<Examined> {
  try {
    return { what, ok: true, detail: await look() };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return { what, ok: false, detail: `${said}; ${FAILURES.Misconfigured.remedy}` };
  }
}

/** As for a job, it is made when it is not there. */
async function takesFiles(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  await rmdir(await mkdtemp(join(directory, '.examined-')));
  return directory;
}

function whatFits(slots: Demand, classes: ResourceClasses): string {
  const names = Object.entries(classes).flatMap(([name, { cpu, memoryMiB, gpu }]) =>
    cpu <= slots.cpu && memoryMiB <= slots.memoryMiB && gpu <= slots.gpu ? [name] : [],
  );
  const total = sayDemand(slots);
  if (names.length === 0) throw new Error(`${total}: no class of jobs has room in it`);
  return `${total}: room for jobs of class ${names.join(', ')}`;
}
