import { mkdir, open, writeFile } from 'node:fs/promises';
import type { Watchdog } from '../watchdog.js';
import { startWatched, type WatchedProcess } from '../watched-process.js';
import { canRun } from './argv.js';
import { createContainerLog, type ContainerLog } from './container-log.js';
import { endOf, notStarted, timeOf, type Terminated } from './container-state.js';
import type { MemoryWatch } from './memory.js';
import type { Container } from './pod.js';
import { quantityOf } from './quantity.js';

/** A container that was made: its program runs or has ended. */
export interface ContainerRun {
  readonly startedAt: string;
  readonly log: ContainerLog;
  readonly ended: Promise<Terminated>;
  readonly signal: WatchedProcess['signal'];
  /** As the kernel does when there is no memory left. */
  readonly oomKill: () => void;
}

export interface ContainerStart {
  container: Container;
  id: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  terminationLog: string;
  /** The program is run once more after its first end, which is forgotten. */
  twice: boolean;
  watchdog: Watchdog;
  memory: MemoryWatch;
}

const MESSAGE_BYTES = 4_096;
const FALLBACK = { bytes: 2_048, lines: 80 };

export async function startContainer(start: ContainerStart): Promise<ContainerRun> {
  const { container, id, argv, env, cwd, terminationLog } = start;
  await mkdir(cwd, { recursive: true });
  await writeFile(terminationLog, '');
  const log = createContainerLog();
  const startedAt = timeOf(new Date());
  const [program = ''] = argv;
  if (!(await canRun(program, env['PATH']))) {
    log.end();
    const end = notStarted(`exec: "${program}": executable file not found`);
    const ended = Promise.resolve({ ...end, startedAt, finishedAt: startedAt, containerID: id });
    return { startedAt, log, ended, signal: () => undefined, oomKill: () => undefined };
  }
  const programs = runPrograms(start, log);
  const ended = programs.ended.then(async (end): Promise<Terminated> => {
    log.end();
    const message = await messageOf(container, { terminationLog, log, end });
    const finishedAt = timeOf(new Date());
    return { ...end, startedAt, finishedAt, containerID: id, ...(message !== '' && { message }) };
  });
  return { startedAt, log, ended, signal: programs.signal, oomKill: programs.oomKill };
}

/** Runs the program, and once more where that is asked for and nobody ended the first. */
function runPrograms(
  { container, argv, env, cwd, twice, watchdog, memory }: ContainerStart,
  log: ContainerLog,
): Pick<ContainerRun, 'signal' | 'oomKill' | 'ended'> {
  let outOfMemory = false;
  let signalled = false;
  let current: WatchedProcess;
  const oomKill = (): void => {
    outOfMemory = true;
    current.signal('SIGKILL');
  };
  const limit = container.resources?.limits?.['memory'];
  const runOnce = async (): Promise<Terminated> => {
    current = startWatched(watchdog, { command: argv, cwd, env, output: 'pipe' });
    current.output.forEach(log.take);
    const enough =
      limit === undefined ? undefined : memory.over(current.pid, quantityOf(limit), oomKill);
    const exit = await current.ended;
    enough?.();
    return endOf(exit, { outOfMemory });
  };
  const first = runOnce();
  const ended = twice ? first.then((end) => (signalled || outOfMemory ? end : runOnce())) : first;
  const signal: WatchedProcess['signal'] = (name) => {
    signalled = true;
    current.signal(name);
  };
  return { ended, oomKill, signal };
}

interface Said {
  terminationLog: string;
  log: ContainerLog;
  end: Terminated;
}

async function messageOf(
  { terminationMessagePolicy }: Container,
  { terminationLog, log, end }: Said,
): Promise<string> {
  const message = await beginningOf(terminationLog);
  const printed = terminationMessagePolicy === 'FallbackToLogsOnError' && end.exitCode !== 0;
  if (message !== '' || !printed) return message;
  const lines = log.lines.slice(-FALLBACK.lines).map(({ text }) => text);
  return Buffer.concat(lines).subarray(-FALLBACK.bytes).toString();
}

/** What a program writes behind it is cut off, in the middle of a word where it has to be. */
async function beginningOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MESSAGE_BYTES), 0, MESSAGE_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
