const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Field {
  name: string;
  min: number;
  max: number;
  names?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  // 7 is Sunday, too.
  { name: 'day of the week', min: 0, max: 7, names: WEEKDAYS },
];

/**
 * What is wrong with one of the five fields of a cron expression, or null. Judged before anything is written, because Temporal,
 * which parses it in the end, would be asked only when the definition is in force already. Takes what Temporal takes of
 * the common form: `*`, numbers, names of months and weekdays, ranges, steps and lists.
 */
export function cronProblem(expression: string): string | null {
  const fields = expression.split(/\s+/);
  for (const [index, field] of FIELDS.entries()) {
    const text = fields[index] ?? '';
    if (!text.split(',').every((part) => isPart(part, field))) return wrong(field, text);
  }
  return null;
}

function isPart(part: string, field: Field): boolean {
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !(isNumber(step) && Number(step) > 0)))
    return false;
  if (range === '*') return true;
  const [first = '', last, ...rest] = range.split('-');
  if (rest.length > 0) return false;
  const start = valueOf(first, field);
  const end = last === undefined ? start : valueOf(last, field);
  return start !== null && end !== null && start <= end;
}

function valueOf(text: string, { min, max, names }: Field): number | null {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  if (!isNumber(text)) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
}

const isNumber = (text: string): boolean => /^\d{1,4}$/.test(text);

function wrong({ name, min, max, names }: Field, text: string): string {
  const also = names ? ` or ${names[0] ?? ''} to ${names.at(-1) ?? ''}` : '';
  return `expected ${name} as *, ${String(min)} to ${String(max)}${also}, with ranges (1-5), steps (*/15) or lists (1,3), got ${JSON.stringify(text)}`;
}
