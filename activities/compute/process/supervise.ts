import { setTimeout as sleep } from 'node:timers/promises';
import { takeClaim } from './claims.js';
import { createFile, hasCode } from './durable-files.js';
import { endProcesses } from './job-processes.js';
import { isCancelled, isFinished, readJob, readProcess } from './job-state.js';
import { jobFiles } from './layout.js';
import type { ExitRecord, Launch } from './records.js';
import { runJob } from './run-job.js';
import { notStarted, type Finish, type Supervision } from './supervision.js';
import { waitForSlots } from './wait-for-slots.js';

const MAX_GENERATIONS = 10;
const RETRY_MS = 1000;

/**
 * Sees one job to its end and records it. Returns at once when another process supervises the job or it has ended. A job
 * whose process was recorded by an earlier supervisor is ended and never started again.
 */
export async function supervise(
  directory: string,
  launch: Launch,
  { root, stop, at }: Pick<Supervision, 'root' | 'stop' | 'at'>,
): Promise<void> {
  const files = jobFiles(directory);
  const claim = await takeClaim(files.claims);
  const job = await readJob(files);
  if (claim === undefined || job === undefined || (await isFinished(files))) return;
  at('claimed');
  const supervision = {
    root,
    files,
    job,
    generation: claim.generation,
    graceMs: launch.graceMs,
    stop,
    at,
  };
  const finish = await seeToItsEnd(supervision, launch);
  if (finish === undefined) return;
  at('exited');
  await recordExit(supervision, finish);
  at('finished');
}

async function seeToItsEnd(supervision: Supervision, { run }: Launch): Promise<Finish | undefined> {
  const { files, generation } = supervision;
  const begun = await endEarlierRun(supervision);
  if (begun !== undefined) return begun;
  if (await isCancelled(files)) return notStarted('cancelled', 'cancelled before it was started');
  if (run === undefined) return undefined;
  if (generation > MAX_GENERATIONS) {
    return notStarted(
      'start-failed',
      `its supervisor ended ${String(generation - 1)} times before the job was started`,
    );
  }
  const turn = await waitForSlots(supervision, run);
  if ('ending' in turn) return turn;
  try {
    return await runJob(supervision, run, turn.gpus);
  } finally {
    turn.release();
  }
}

async function endEarlierRun({ files, job, graceMs }: Supervision): Promise<Finish | undefined> {
  const leader = await readProcess(files);
  if (leader === undefined) return undefined;
  await endProcesses({ leader, uid: job.uid }, graceMs);
  const cancelled = await isCancelled(files);
  return {
    ...notStarted(
      cancelled ? 'cancelled' : 'disrupted',
      cancelled
        ? 'cancelled'
        : 'its supervisor died while the job ran, so that its end could not be observed',
    ),
    startedAtMs: leader.startedAtMs,
  };
}

/** Tries until it succeeds: on a full disk nothing may be told of the job's end before it is written. */
async function recordExit({ files }: Supervision, finish: Finish): Promise<void> {
  for (;;) {
    try {
      await createFile(files.exit, {
        ...finish,
        schema: 1,
        finishedAtMs: Date.now(),
      } satisfies ExitRecord);
      return;
    } catch (error) {
      // The directory itself is gone: nobody is left to tell.
      if (hasCode(error, 'ENOENT')) return;
      console.error('exit.json cannot be written; tried again in a second:', error);
      await sleep(RETRY_MS);
    }
  }
}
