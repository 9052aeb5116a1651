import { stripVTControlCharacters } from 'node:util';

/** Columns aligned by their widest cell, the last one ragged. Control characters of foreign text never reach the terminal. */
export function table(header: string[], rows: (string | number | null | undefined)[][]): string {
  const cells = [header, ...rows].map((row) => row.map(cell));
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
export function facts(rows: [string, string | number | null | undefined][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`.trimEnd()).join('\n');
}

function cell(value: string | number | null | undefined): string {
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
