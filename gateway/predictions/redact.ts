/**
 * The value with every field of those names null, at whatever depth: rows as objects, columns as objects, and what a model puts
 * around them. `{ columns, data }` is the one shape in which a column's name stands apart from its values. The same value when
 * nothing of it was hidden.
 */
export function redacted(value: unknown, names: ReadonlySet<string>): unknown {
  if (names.size === 0 || !isObject(value)) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => redacted(item, names));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const entries = Object.entries(value).map(([name, field]): [string, unknown] => [
    name,
    names.has(name) ? null : redacted(field, names),
  ]);
  const isHidden = entries.some(([name, field]) => field !== value[name]);
  return withoutSplitColumns(isHidden ? Object.fromEntries(entries) : value, names);
}

function withoutSplitColumns(
  fields: Record<string, unknown>,
  names: ReadonlySet<string>,
): Record<string, unknown> {
  const { columns, data } = fields;
  if (!Array.isArray(columns) || !Array.isArray(data)) return fields;
  const hidden = new Set(
    columns.flatMap((name, index) => (names.has(String(name)) ? [index] : [])),
  );
  if (hidden.size === 0) return fields;
  const rows = data.map((row: unknown) =>
    Array.isArray(row) ? row.map((cell: unknown, index) => (hidden.has(index) ? null : cell)) : row,
  );
  return { ...fields, data: rows };
}

/** The forms of a request that hold a list of rows, which may have names or not. */
const ROWS = ['inputs', 'instances', 'dataframe_records'];

/** Whether an input has values whose columns it does not name, so that nobody can tell which of them to hide. */
export function isPositional(input: unknown): boolean {
  if (!isObject(input)) return true;
  if (Array.isArray(input)) return hasNamelessRows(input);
  const { dataframe_split: split } = input;
  if (isObject(split) && !Array.isArray(split['columns'])) return true;
  return ROWS.some((form) => form in input && hasNamelessRows(input[form]));
}

/** Columns by their names, or rows by theirs, are named. */
const hasNamelessRows = (rows: unknown): boolean =>
  Array.isArray(rows) ? rows.some((row) => !isObject(row) || Array.isArray(row)) : !isObject(rows);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
