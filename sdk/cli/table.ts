import { stripVTControlCharacters } from 'node:util';

type Value = string | number | null | undefined;

const CELL_LENGTH = 60;

/**
 * Columns aligned by their widest cell, the last one ragged. Long cells are cut, save those of the columns that are told
 * whole and single words: an id is there to be copied. Control characters of foreign text never reach the terminal.
 */
export function table(
  header: string[],
  rows: Value[][],
  { whole = [] }: { whole?: string[] } = {},
): string {
  const shown = (value: Value, column: number): string =>
    whole.includes(header[column] ?? '') ? cell(value) : cut(cell(value));
  const cells = [header, ...rows.map((row) => row.map(shown))];
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  );
  const lines = cells.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** Two columns without a header: what a thing is called, and what it is. */
export function facts(rows: [string, Value][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`.trimEnd()).join('\n');
}

function cut(text: string): string {
  const isWord = !/[\s"{[]/.test(text);
  return text.length <= CELL_LENGTH || isWord ? text : `${text.slice(0, CELL_LENGTH - 1)}…`;
}

/** Four significant digits for a measured number, alone or within a sentence; counts stay whole. */
export function rounded<T extends Value>(value: T): T | string {
  if (typeof value === 'number')
    return Number.isInteger(value) ? value : String(Number(value.toPrecision(4)));
  if (typeof value !== 'string') return value;
  return value.replaceAll(/\d+\.\d{4,}(?:e[+-]?\d+)?/g, (number) =>
    String(Number(Number(number).toPrecision(4))),
  );
}

function cell(value: Value): string {
  const text = value === null || value === undefined ? '–' : String(value);
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}+/gu, ' ');
}

/** '2026-11-21 09:30:05Z': sortable and unambiguous in any terminal. */
export function instant(date: Date | null | undefined): string | null {
  return date
    ? date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z')
    : null;
}
