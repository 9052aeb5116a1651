import ms from 'ms';

/** Milliseconds of a duration in the `ms` grammar ('30m', '24h', '7d'); undefined when it is not one. */
export function durationMs(text: string): number | undefined {
  if (!/^\d+(\.\d+)?\s?[a-z]+$/i.test(text)) return undefined;
  const value = ms(text as ms.StringValue) as number | undefined;
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** Milliseconds of a duration that a contract has accepted. */
export function msOf(duration: string): number {
  const value = durationMs(duration);
  if (value === undefined)
    throw new RangeError(`expected a duration such as '30m', got '${duration}'`);
  return value;
}

/** The instant a duration after another, ISO-8601 in UTC. */
export const after = (instant: string, milliseconds: number): string =>
  new Date(Date.parse(instant) + milliseconds).toISOString();
