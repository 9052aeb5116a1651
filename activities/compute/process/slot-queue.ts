import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type Admission, admit, type QueueEntry, waitingInOrder } from './admission.js';
import type { Demand } from './records.js';

export interface Ticket {
  readonly uid: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** The supervisor's claim: an entry of an earlier generation is replaced, and never mistaken for this one. */
  readonly generation: number;
  readonly demand: Demand;
}

/** Tells whether the job still has a supervisor or processes. */
export type IsPresent = (name: string, uid: string) => Promise<boolean>;

const Row = z.object({
  uid: z.string(),
  name: z.string(),
  created_at_ms: z.number(),
  generation: z.number(),
  cpu: z.number(),
  memory_mib: z.number(),
  gpu: z.number(),
  gpus: z.string().nullable(),
});
type Entry = QueueEntry & Ticket;

const SCHEMA = `CREATE TABLE IF NOT EXISTS jobs (uid TEXT PRIMARY KEY, name TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  generation INTEGER NOT NULL, cpu REAL NOT NULL, memory_mib INTEGER NOT NULL, gpu INTEGER NOT NULL, gpus TEXT)`;

/**
 * The queue for the slots of one jobs directory, shared by all its supervisors. SQLite, because its lock is the
 * system's and falls with the process that held it: there is no stale lock to judge.
 */
export class SlotQueue {
  readonly #database: DatabaseSync;
  readonly #isPresent: IsPresent;

  constructor(file: string, isPresent: IsPresent) {
    this.#isPresent = isPresent;
    this.#database = new DatabaseSync(file);
    this.#database.exec('PRAGMA busy_timeout = 10000');
    this.#database.exec(SCHEMA);
  }

  /** Puts the job in the queue, at the place its creation gives it. */
  enter({ uid, name, createdAtMs, generation, demand }: Ticket): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, NULL)')
      .run(uid, name, createdAtMs, generation, demand.cpu, demand.memoryMiB, demand.gpu);
  }

  /** Takes the slots when it is the job's turn and they are free. */
  async ask(uid: string, slots: Demand): Promise<Admission> {
    const gone = await this.#gone(uid);
    return this.#exclusively(() => {
      const remove = this.#database.prepare('DELETE FROM jobs WHERE uid = ? AND generation = ?');
      for (const entry of gone) remove.run(entry.uid, entry.generation);
      const answer = admit(uid, this.#entries(), slots);
      if (answer.admitted) {
        this.#database
          .prepare('UPDATE jobs SET gpus = ? WHERE uid = ?')
          .run(answer.gpus.join(','), uid);
      }
      return answer;
    });
  }

  leave(uid: string): void {
    this.#database.prepare('DELETE FROM jobs WHERE uid = ?').run(uid);
  }

  close(): void {
    this.#database.close();
  }

  /** Only what stands in this job's way is looked at: the first in line by those behind it, the holders by the first. */
  async #gone(uid: string): Promise<Entry[]> {
    const entries = this.#entries();
    const first = waitingInOrder(entries).at(0);
    const inTheWay =
      first === undefined || first.uid === uid
        ? entries.filter((entry) => entry.gpus !== null)
        : [first];
    const present = await Promise.all(
      inTheWay.map((entry) => this.#isPresent(entry.name, entry.uid)),
    );
    return inTheWay.filter((entry, index) => entry.uid !== uid && present[index] === false);
  }

  #entries(): Entry[] {
    return z.array(Row).parse(this.#database.prepare('SELECT * FROM jobs').all()).map(entryOf);
  }

  #exclusively<T>(decide: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const answer = decide();
      this.#database.exec('COMMIT');
      return answer;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function entryOf(row: z.infer<typeof Row>): Entry {
  return {
    uid: row.uid,
    name: row.name,
    createdAtMs: row.created_at_ms,
    generation: row.generation,
    demand: { cpu: row.cpu, memoryMiB: row.memory_mib, gpu: row.gpu },
    gpus:
      row.gpus === null
        ? null
        : row.gpus
            .split(',')
            .filter((part) => part !== '')
            .map(Number),
  };
}
