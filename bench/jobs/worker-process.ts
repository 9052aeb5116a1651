import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { rounded } from '../statistics.ts';
import type { JobsWorkerSettings } from './worker.ts';

const MAIN = fileURLToPath(new URL('worker.ts', import.meta.url));

export interface Memory {
  rssMb: number;
  /** What its JavaScript holds on to; the workflows it caches are in other threads. */
  heapMb: number;
}

export interface JobsWorker {
  /** Now, without garbage. */
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** In a process of its own, so that what it takes is not mixed with what the node and the callers take. */
export async function startJobsWorker(settings: JobsWorkerSettings): Promise<JobsWorker> {
  const child = spawn(process.execPath, ['--expose-gc', MAIN, JSON.stringify(settings)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'close');
  await answerOf(child, ended);
  return {
    memory: async () => {
      child.send('memory');
      const { rss, heapUsed } = (await answerOf(child, ended)) as NodeJS.MemoryUsage;
      return { rssMb: rounded(rss / 2 ** 20), heapMb: rounded(heapUsed / 2 ** 20) };
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function answerOf(child: ChildProcess, ended: Promise<unknown>): Promise<unknown> {
  const gone = ended.then(() => Promise.reject(new Error('the worker ended; see above')));
  const [answer] = (await Promise.race([once(child, 'message'), gone])) as unknown[];
  return answer;
}
