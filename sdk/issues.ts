import { z } from 'zod';
import { InvalidRequestError, type Issue } from './errors.js';

/** Says "is required" for what is absent, where zod would speak of `undefined`. */
const sayRequired: z.core.$ZodErrorMap = (issue) =>
  issue.code === 'invalid_type' && issue.input === undefined
    ? `is required (expected ${issue.expected})`
    : undefined;

/** Every problem of a value at once, each with its dotted path below `prefix`. */
export function check<T>(
  schema: z.ZodType<T>,
  value: unknown,
  prefix = '',
): { value: T } | { issues: Issue[] } {
  const parsed = schema.safeParse(value, { error: sayRequired });
  if (parsed.success) return { value: parsed.data };
  return { issues: parsed.error.issues.map((issue) => toIssue(issue, prefix)) };
}

function toIssue(issue: z.core.$ZodIssue, prefix: string): Issue {
  const path = z.core.toDotPath(issue.path);
  const joined =
    prefix === '' || path === ''
      ? `${prefix}${path}`
      : `${prefix}${path.startsWith('[') ? '' : '.'}${path}`;
  return { path: joined, message: issue.message };
}

/** One line per issue below a heading. */
export function listIssues(heading: string, issues: Issue[]): string {
  const lines = issues.map(({ path, message }) =>
    path === '' ? `  ${message}` : `  ${path}: ${message}`,
  );
  return [`${heading}:`, ...lines].join('\n');
}

/** Parses the arguments of one call, by name, and refuses them all at once. */
export function parseArguments<Shape extends Record<string, z.ZodType>>(
  verb: string,
  shape: Shape,
  values: { [Name in keyof Shape]: unknown },
): { [Name in keyof Shape]: z.infer<Shape[Name]> } {
  const issues: Issue[] = [];
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const outcome = check(schema, values[name], name);
    if ('issues' in outcome) issues.push(...outcome.issues);
    else parsed[name] = outcome.value;
  }
  if (issues.length > 0) throw invalidRequest(verb, issues);
  return parsed as { [Name in keyof Shape]: z.infer<Shape[Name]> };
}

export function invalidRequest(verb: string, issues: Issue[]): InvalidRequestError {
  return new InvalidRequestError(listIssues(`${verb} was not started`, issues), issues);
}
