export interface PairsQuestion {
  candidate: string;
  incumbent: string;
  /** Columns of the callers' inputs to keep beside the answers. */
  features: readonly string[];
}

/** Of one record, in bytes; the gateway cuts bodies long before. DuckDB allocates twice as much at once. */
const LARGEST_RECORD = 4 * 1024 * 1024;

/**
 * The rows one export may have, so that it fits a worker's memory and a job's. Of a busier window a share of the requests is
 * kept, chosen by their ids, and the counts stay those of all.
 */
const MAX_ROWS = 1_000_000;

const LIST = `'["JSON"]'`;

/** What was read so far: a row for each scored row, and the counts of each part of the log. */
export function tablesSql({ features }: PairsQuestion): string {
  const columns = distinctColumns(features).map((name) => `, ${column(name)} VARCHAR`);
  return `CREATE TABLE counts (eligible INTEGER, mirrored INTEGER, dropped INTEGER, failed INTEGER);
    CREATE TABLE pairs ("at" VARCHAR, request_id VARCHAR, position INTEGER, live_ms DOUBLE, shadow_state VARCHAR,
      shadow_ms DOUBLE, live VARCHAR, shadow VARCHAR${columns.join('')})`;
}

/** Requests that the incumbent answered while its copies went to the candidate. */
function eligible(file: string, { candidate, incumbent }: PairsQuestion): string {
  return `eligible AS (
    SELECT "at", requestId AS request_id, ms AS live_ms, input,
      json_extract_string(shadow, '$.state') AS state, json_extract_string(shadow, '$.ms')::DOUBLE AS shadow_ms,
      ${predictionsOf('output')} AS live, ${predictionsOf(`json_extract(shadow, '$.output')`)} AS answered
    FROM read_json(${text(file)}, format = 'newline_delimited', maximum_object_size = ${String(LARGEST_RECORD)},
      columns = {'at': 'VARCHAR', 'modelId': 'VARCHAR', 'requestId': 'VARCHAR', 'status': 'INTEGER', 'ms': 'DOUBLE',
        'input': 'JSON', 'output': 'JSON', 'shadow': 'JSON'})
    WHERE status = 200 AND modelId = ${text(incumbent)}
      AND json_extract_string(shadow, '$.modelId') = ${text(candidate)})`;
}

export function countSql(file: string, question: PairsQuestion): string {
  return `WITH ${eligible(file, question)}
    INSERT INTO counts SELECT count(*), count(*) FILTER (state = 'answered'), count(*) FILTER (state = 'dropped'),
      count(*) FILTER (state = 'failed') FROM eligible`;
}

/** Answers of another number of rows than the incumbent's, or inputs, belong to no row. */
export function addSql(file: string, question: PairsQuestion): string {
  const features = distinctColumns(question.features);
  const cells = features.map((_, at) => {
    const value = `coalesce(sent[${String(at + 1)}]::VARCHAR, 'null')`;
    return `, CASE WHEN sent IS NOT NULL THEN ${value} END`;
  });
  return `WITH ${eligible(file, question)}, named AS (
      SELECT *, coalesce(json_extract(input, '$.inputs'), json_extract(input, '$.instances')) AS tensor,
        from_json(json_extract(input, '$.dataframe_split.columns'), '["VARCHAR"]') AS names
      FROM eligible
    ), located AS (
      SELECT *, ${positionsOf(features)} AS positions, ${columnsOf(features)} AS columns FROM named
    ), flat AS (
      SELECT "at", request_id, live_ms, state, shadow_ms, unnest(range(len(live))) AS position, unnest(live) AS live,
        unnest(${ofSameLength('answered')}) AS shadow, unnest(${ofSameLength('body')}) AS sent
      FROM (SELECT *, ${bodyOf(features)} AS body FROM located)
    )
    INSERT INTO pairs SELECT "at", request_id, position, live_ms, state, shadow_ms, live, shadow${cells.join('')}
    FROM flat`;
}

export const REQUESTS_SQL = `SELECT coalesce(sum(eligible), 0)::INTEGER AS eligible,
    coalesce(sum(mirrored), 0)::INTEGER AS mirrored, coalesce(sum(dropped), 0)::INTEGER AS dropped,
    coalesce(sum(failed), 0)::INTEGER AS failed, (SELECT count(*) FROM pairs)::INTEGER AS "rows"
  FROM counts`;

export function exportSql(file: string, rows: number): string {
  return `COPY (SELECT * FROM pairs WHERE ${keptShare(rows)} ORDER BY "at", request_id, position)
    TO ${text(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)`;
}

/** 'input:<feature>', so that no feature's name is one of the other columns. */
const column = (feature: string): string => `"${`input:${feature}`.replaceAll('"', '""')}"`;

/** Names are told apart without regard to case, here and in DuckDB, which would rename the later one. */
function distinctColumns(features: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const name of features) {
    const folded = name.toLowerCase();
    if (!byName.has(folded)) byName.set(folded, name);
  }
  return [...byName.values()];
}

function keptShare(rows: number): string {
  if (rows <= MAX_ROWS) return 'true';
  return `hash(request_id) % 1000000 < ${String(Math.floor((MAX_ROWS / rows) * 1_000_000))}`;
}

const ofSameLength = (list: string): string =>
  `CASE WHEN len(${list}) = len(live) THEN ${list} END`;

/** A list of JSON values; NULL when the answer is of another shape. */
function predictionsOf(answer: string): string {
  return `from_json(CASE WHEN json_type(${answer}) = 'ARRAY' THEN ${answer}
    ELSE json_extract(${answer}, '$.predictions') END, ${LIST})`;
}

/** Of `{ columns, data }`: where each feature stands in a row. */
const positionsOf = (features: readonly string[]): string =>
  `list_transform(${texts(features)}, lambda name: list_position(names, name))`;

/** Of `{ feature: [value, …] }`, or of one row as `{ feature: value }`: the values of each feature. */
const columnsOf = (features: readonly string[]): string =>
  `CASE WHEN json_type(tensor) = 'OBJECT' THEN list_transform(json_extract(tensor, ${pointers(features)}),
    lambda field: CASE WHEN json_type(field) = 'ARRAY' THEN from_json(field, ${LIST}) ELSE [field] END) END`;

/** For each row of a request its features' values in their order; NULL where the body names no columns. */
function bodyOf(features: readonly string[]): string {
  const records = `coalesce(json_extract(input, '$.dataframe_records'), tensor)`;
  const data = `json_extract(input, '$.dataframe_split.data')`;
  return `CASE
    WHEN json_type(${data}) = 'ARRAY' AND names IS NOT NULL THEN list_transform(
      list_transform(from_json(${data}, ${LIST}), lambda line: from_json(line, ${LIST})),
      lambda cells: list_transform(positions, lambda place: cells[place]))
    WHEN json_type(${records}, '$[0]') = 'OBJECT' THEN list_transform(
      from_json(${records}, ${LIST}), lambda line: json_extract(line, ${pointers(features)}))
    WHEN columns IS NOT NULL THEN list_transform(
      range(1, len(live) + 1), lambda line: list_transform(columns, lambda field: field[line]))
    END`;
}

const texts = (values: readonly string[]): string => `[${values.map(text).join(', ')}]::VARCHAR[]`;

const pointers = (features: readonly string[]): string =>
  texts(features.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`));

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
