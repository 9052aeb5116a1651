import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { ShadowRequests } from '../../temporal/contracts/shadow.js';
import { failure } from '../../temporal/errors.js';
import {
  addSql,
  countSql,
  exportSql,
  REQUESTS_SQL,
  tablesSql,
  type PairsQuestion,
} from './pairs-sql.js';

/** One thread leaves the worker its other cores, and writes rows in the order they were asked for. */
const LIMITS = { threads: '1', memory_limit: '512MB' } as const;

/** What the machine has too little of, by DuckDB's word for it; anything else is wrong with the records. */
const SHORTAGE = /^(?:IO|Out of Memory) Error/;

export interface Written {
  requests: ShadowRequests;
  rows: number;
}

/** Pairs on their way from the log to a Parquet file, in a database of their own. */
export class PairsTable {
  readonly #question: PairsQuestion;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(
    question: PairsQuestion,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
  ) {
    this.#question = question;
    this.#instance = instance;
    this.#connection = connection;
  }

  /** `path`: of the database, which takes what does not fit the memory too. */
  static async create(path: string, question: PairsQuestion): Promise<PairsTable> {
    return await inFailureTypes(async () => {
      const instance = await DuckDBInstance.create(path, LIMITS);
      const connection = await instance.connect();
      await connection.run(tablesSql(question));
      return new PairsTable(question, instance, connection);
    });
  }

  /** Adds a file of records. Fails with GatewayRefused when they are none. */
  async add(file: string): Promise<void> {
    await inFailureTypes(async () => {
      await this.#connection.run(countSql(file, this.#question));
      await this.#connection.run(addSql(file, this.#question));
    });
  }

  /** Writes everything as Parquet, in the order of time. */
  async write(file: string): Promise<Written> {
    return await inFailureTypes(async () => {
      const [counted] = (await this.#connection.runAndReadAll(REQUESTS_SQL)).getRowObjectsJson();
      const { rowsChanged } = await this.#connection.run(
        exportSql(file, Number(counted?.['rows'])),
      );
      return { requests: ShadowRequests.parse(counted), rows: rowsChanged };
    });
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

async function inFailureTypes<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toFailure(error instanceof Error ? error : new Error(String(error)));
  }
}

function toFailure(cause: Error): Error {
  const [said = ''] = cause.message.split('\n');
  if (SHORTAGE.test(said))
    return failure('ComputeUnavailable', `free disk or memory of the worker: ${said}`, { cause });
  const message = `the prediction log: expected prediction records, got: ${said}`;
  return failure('GatewayRefused', message, { cause });
}
