import { setTimeout as sleep } from 'node:timers/promises';
import { CappedLog } from './capped-log.js';
import { hasCode, replaceFile } from './durable-files.js';
import { type Exit, type JobProcess, startHeld } from './job-process.js';
import { endProcesses, killProcesses, residentMiBOf } from './job-processes.js';
import { isCancelled } from './job-state.js';
import { countOomKills, oomKillSince } from './oom-kills.js';
import type { Ending, ProcessRecord, Run } from './records.js';
import { type Finish, notStarted, type Supervision } from './supervision.js';

/** Above this multiple of its memory a job endangers its neighbours. Resident size counts shared pages more than once. */
const MEMORY_TOLERANCE = 1.5;
const POLL_MS = 250;
/** A look at the memory reads the whole process table. */
const POLLS_PER_MEMORY_LOOK = 4;

interface Reason {
  readonly ending: Ending;
  readonly message: string;
}

/** Runs the job's command once and tells how it ended, when none of its processes is left. */
export async function runJob(
  supervision: Supervision,
  run: Run,
  gpus: readonly number[],
): Promise<Finish> {
  const log = new CappedLog(supervision.files.log, run.logCapBytes);
  try {
    const held = await holdRecorded(supervision, { run, gpus, log });
    return 'ending' in held ? held : await runHeld(supervision, held, run);
  } finally {
    log.close();
  }
}

interface Held {
  readonly process: JobProcess;
  readonly startedAtMs: number;
}

/** Starts the process at its gate and records it; whatever goes wrong up to here, the command has not run. */
async function holdRecorded(
  { job, files, at }: Supervision,
  { run, gpus, log }: { run: Run; gpus: readonly number[]; log: CappedLog },
): Promise<Held | Finish> {
  let held: JobProcess | undefined;
  try {
    const environment = { ...run.environment, CUDA_VISIBLE_DEVICES: gpus.join(',') };
    held = await startHeld({
      uid: job.uid,
      command: run.command,
      environment,
      directory: files.scratch,
      log,
    });
    at('held');
    const startedAtMs = Date.now();
    await replaceFile(files.process, {
      ...held.processes.leader,
      startedAtMs,
    } satisfies ProcessRecord);
    at('recorded');
    if (!(await isCancelled(files))) return { process: held, startedAtMs };
    await abandon(held);
    return notStarted('cancelled', 'cancelled before it was started');
  } catch (error) {
    if (held !== undefined) await abandon(held);
    return couldNotStart(error);
  }
}

async function abandon(held: JobProcess): Promise<void> {
  held.abandon();
  await held.exit;
}

async function runHeld(
  supervision: Supervision,
  { process, startedAtMs }: Held,
  run: Run,
): Promise<Finish> {
  const oomKills = await countOomKills();
  process.release();
  supervision.at('released');
  const reason = await watch(supervision, process, run);
  const exit = await leaveNothing(supervision, process, reason);
  return {
    ending: reason?.ending ?? 'exited',
    message: reason?.message ?? '',
    ...exit,
    oomKillSeen: await oomKillSince(oomKills),
    startedAtMs,
  };
}

/** Waits for the leader's own end: undefined; or for a reason to end it. */
async function watch(
  supervision: Supervision,
  held: JobProcess,
  run: Run,
): Promise<Reason | undefined> {
  const until = performance.now() + supervision.job.spec.timeoutMs;
  const exited = held.exit.then(() => true);
  for (let poll = 0; ; poll += 1) {
    const reason =
      timeIsUp(supervision, until) ??
      (await askedToEnd(supervision).catch(unknownForNow)) ??
      (poll % POLLS_PER_MEMORY_LOOK === 0
        ? await overMemory(held, run).catch(unknownForNow)
        : undefined);
    if (reason !== undefined) return reason;
    if (await Promise.race([exited, sleep(POLL_MS, false)])) return undefined;
  }
}

function timeIsUp({ job, stop }: Supervision, until: number): Reason | undefined {
  const { timeoutMs, deadline } = job.spec;
  if (performance.now() >= until) {
    return {
      ending: 'deadline',
      message: `not done after ${String(timeoutMs / 1000)} s; raise training.timeout`,
    };
  }
  if (Date.now() >= Date.parse(deadline)) {
    return {
      ending: 'deadline',
      message: `not done by ${deadline}, waiting for its turn included`,
    };
  }
  return stop.aborted
    ? { ending: 'interrupted', message: 'its supervisor was told to stop' }
    : undefined;
}

async function askedToEnd({ files }: Supervision): Promise<Reason | undefined> {
  return (await isCancelled(files)) ? { ending: 'cancelled', message: 'cancelled' } : undefined;
}

async function overMemory(
  held: JobProcess,
  { demand: { memoryMiB } }: Run,
): Promise<Reason | undefined> {
  const usedMiB = await residentMiBOf(held.processes);
  if (usedMiB <= memoryMiB * MEMORY_TOLERANCE) return undefined;
  const message = `used ${usedMiB.toFixed(0)} MiB; raise training.resources.memoryMiB (was ${String(memoryMiB)})`;
  return { ending: 'out-of-memory', message };
}

/** A machine that is out of file handles for a moment is no reason to end a job. */
function unknownForNow(error: unknown): undefined {
  console.error('the job could not be looked at; tried again:', error);
  return undefined;
}

async function leaveNothing(
  { graceMs, at }: Supervision,
  held: JobProcess,
  reason: Reason | undefined,
): Promise<Exit> {
  at('ending');
  // What outlives a leader that ended by itself is a leftover and gets no grace.
  if (reason === undefined) await killProcesses(held.processes);
  else await endProcesses(held.processes, graceMs);
  const exit = await held.exit;
  await held.drain();
  return exit;
}

function couldNotStart(error: unknown): Finish {
  const message = error instanceof Error ? error.message : String(error);
  if (hasCode(error, 'ENOSPC', 'EDQUOT'))
    return notStarted('disk-full', `${message}; free space in the jobs directory`);
  return notStarted('start-failed', message);
}
