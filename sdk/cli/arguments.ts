import { InvalidArgumentError } from 'commander';

export function date(text: string): Date {
  const parsed = new Date(text);
  if (Number.isNaN(parsed.getTime()))
    throw new InvalidArgumentError(`expected an ISO-8601 instant, got '${text}'.`);
  return parsed;
}

export function jsonObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Told below, like any other text that is no object.
  }
  throw new InvalidArgumentError(`expected a JSON object, got '${text}'.`);
}

export function version(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new InvalidArgumentError(`expected a version number, got '${text}'.`);
  return Number(text);
}

export function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new InvalidArgumentError(`expected a whole number from 1 on, got '${text}'.`);
  return Number(text);
}

export function versionOrDate(text: string): number | Date | 'previous' {
  if (text === 'previous') return text;
  return /^\d+$/.test(text) ? version(text) : date(text);
}
