import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCancelled, isPresent } from './job-state.js';
import { queueFile } from './layout.js';
import { type Run, sayDemand } from './records.js';
import { SlotQueue } from './slot-queue.js';
import { type Finish, notStarted, type Supervision } from './supervision.js';

export interface Turn {
  readonly gpus: readonly number[];
  /** Gives the slots back; called when none of the job's processes is left. */
  release(): void;
}

const POLL_MS = 200;
const MAX_POLLS_BETWEEN_QUESTIONS = 20;

/** Waits until it is the job's turn and its slots are free; the way it ended, when it ended before. */
export async function waitForSlots(supervision: Supervision, run: Run): Promise<Turn | Finish> {
  const place = new PlaceInQueue(supervision, run);
  for (;;) {
    const answer = await place.ask();
    if (answer.admitted) {
      supervision.at('admitted');
      return {
        gpus: answer.gpus,
        release: () => {
          place.release();
        },
      };
    }
    await tellWaiting(supervision, answer.detail);
    const ended = await sleepUnlessEnded(supervision, answer);
    if (ended !== undefined) {
      place.release();
      return ended;
    }
  }
}

type Answer =
  | { readonly admitted: true; readonly gpus: readonly number[] }
  | { readonly admitted: false; readonly ahead: number; readonly detail: string };

/** The queue as one job sees it. A queue that cannot be used, on a full disk, is a reason to wait and not to fail. */
class PlaceInQueue {
  readonly #supervision: Supervision;
  readonly #run: Run;
  #queue: SlotQueue | undefined;

  constructor(supervision: Supervision, run: Run) {
    this.#supervision = supervision;
    this.#run = run;
  }

  async ask(): Promise<Answer> {
    try {
      this.#queue ??= this.#enter();
      const answer = await this.#queue.ask(this.#supervision.job.uid, this.#run.slots);
      if (answer.admitted) return answer;
      const detail = `waiting for ${sayDemand(this.#run.demand)}; ${String(answer.ahead)} ahead`;
      return { ...answer, detail };
    } catch (error) {
      console.error('the queue cannot be used; tried again:', error);
      return {
        admitted: false,
        ahead: 0,
        detail: `the queue for the slots cannot be used: ${String(error)}`,
      };
    }
  }

  /** A place that cannot be given back is taken away when the job is seen to have ended. */
  release(): void {
    try {
      this.#queue?.leave(this.#supervision.job.uid);
      this.#queue?.close();
    } catch (error) {
      console.error('the place in the queue is left behind:', error);
    }
  }

  #enter(): SlotQueue {
    const { root, job, generation, at } = this.#supervision;
    const { uid, createdAtMs } = job;
    const queue = new SlotQueue(queueFile(root), (name, other) => isPresent(root, name, other));
    queue.enter({ uid, name: job.spec.name, createdAtMs, generation, demand: this.#run.demand });
    at('queued');
    return queue;
  }
}

/** The further back in line, the rarer the question: a hundred waiting jobs must not keep the machine busy. */
async function sleepUnlessEnded(
  supervision: Supervision,
  { ahead, detail }: { ahead: number; detail: string },
): Promise<Finish | undefined> {
  const polls = Math.min(1 + ahead, MAX_POLLS_BETWEEN_QUESTIONS);
  for (let poll = 0; poll < polls; poll += 1) {
    const ended = await endedWaiting(supervision, detail);
    if (ended !== undefined) return ended;
    await sleep(POLL_MS);
  }
  return undefined;
}

async function endedWaiting(
  { files, job, stop }: Supervision,
  detail: string,
): Promise<Finish | undefined> {
  if (await isCancelled(files))
    return notStarted('cancelled', 'cancelled while it waited for its turn');
  if (Date.now() >= Date.parse(job.spec.deadline)) {
    return notStarted('deadline', `not started by ${job.spec.deadline}: ${detail}`);
  }
  if (stop.aborted)
    return notStarted(
      'interrupted',
      'its supervisor was told to stop while the job waited for its turn',
    );
  return undefined;
}

/** Only shown to people, so neither durable nor a reason to fail. */
async function tellWaiting({ files }: Supervision, detail: string): Promise<void> {
  await writeFile(files.waiting, JSON.stringify({ detail })).catch(() => undefined);
}
