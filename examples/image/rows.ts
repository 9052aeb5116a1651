import { readFileSync } from 'node:fs';

/** The named columns of a CSV file of numbers; an empty field is NaN. Its lines have no quotes then. */
export function readColumns(file: string, names: string[]): Float64Array[] {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const places = header.split(',').map((name) => name.replaceAll('"', ''));
  const wanted = names.map((name) => places.indexOf(name));
  const columns = names.map(() => new Float64Array(lines.length));
  lines.forEach((line, row) => {
    const fields = line.split(',');
    columns.forEach((column, n) => {
      column[row] = number(fields[wanted[n] ?? -1] ?? '');
    });
  });
  return columns;
}

const number = (field: string): number => (field === '' ? Number.NaN : Number(field));
