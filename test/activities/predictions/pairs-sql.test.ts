import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import { exportSql, tablesSql } from '../../../activities/predictions/pairs-sql.js';
import { temporaryDirectory } from '../../gateway/support/gateway-process.js';

const REQUESTS = 1_000;

async function exportedOf(rows: number, path: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(tablesSql({ candidate: 'a/2', incumbent: 'a/1', features: [] }));
  await connection.run(`INSERT INTO pairs SELECT 'at', 'request-' || request, position, 1, 'answered', 1, '1', '1'
    FROM range(${String(REQUESTS)}) AS r(request), range(3) AS p(position)`);
  await connection.run(exportSql(path, rows));
  const read = await connection.runAndReadAll(
    `SELECT request_id, count(*)::INTEGER AS "rows" FROM read_parquet('${path}') GROUP BY ALL ORDER BY ALL`,
  );
  const found = read.getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  return found;
}

it('of more rows than a job can take a share of the requests is kept, each whole, and the same ones again (S5)', async () => {
  const { path, remove } = await temporaryDirectory();
  const all = await exportedOf(3 * REQUESTS, `${path}/all.parquet`);
  const quarter = await exportedOf(4_000_000, `${path}/quarter.parquet`);
  expect(await exportedOf(4_000_000, `${path}/again.parquet`)).toEqual(quarter);
  await remove();
  expect(all).toHaveLength(REQUESTS);
  expect(quarter.length).toBeGreaterThan(0.15 * REQUESTS);
  expect(quarter.length).toBeLessThan(0.35 * REQUESTS);
  expect(new Set(quarter.map(({ rows }) => rows))).toEqual(new Set([3]));
});
