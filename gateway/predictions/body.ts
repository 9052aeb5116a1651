import { isPositional, redacted } from './redact.js';

/** A body as a record has it, or that a record does not have it. `isRedacted`: it has not every value that was sent. */
export type LoggedBody = { value: unknown; isRedacted?: true } | 'cut';

/** What a body is, and so how columns are told in it. CSV names them in its first line, and an answer's rows are predictions. */
export type BodyKind = 'json input' | 'csv input' | 'output';

/**
 * JSON as what it says, anything else as a string. What cannot be redacted is left out where columns are to be: what cannot be
 * parsed and may name one, and an input whose values have no names.
 */
export function loggedBody(
  body: Buffer,
  { kind, redact }: { kind: BodyKind; redact: ReadonlySet<string> },
): LoggedBody {
  const text = body.toString('utf8');
  const json = kind === 'csv input' ? undefined : parsed(text);
  if (redact.size === 0) return { value: json ? json.value : text };
  if (!json) return mayBeHidden(text, kind, redact) ? 'cut' : { value: text };
  if (kind === 'json input' && isPositional(json.value)) return 'cut';
  const value = redacted(json.value, redact);
  return value === json.value ? { value } : { value, isRedacted: true };
}

/** What was to be JSON may have no names, or escaped ones. */
const mayBeHidden = (text: string, kind: BodyKind, redact: ReadonlySet<string>): boolean =>
  kind === 'json input' || [...redact].some((name) => text.includes(name));

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
