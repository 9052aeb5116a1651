// Flights of a summer week as an airport's screen asks for them: what is known at departure, and null for what is not.
import { readFileSync } from 'node:fs';
import type { ScoreInput } from 'modelyard';

const file = new URL('data/asked.json', import.meta.url);
const flights = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[];

/** So many at once, beginning with the one of that number, and from the first again after the last. */
export function flightsToAsk(first: number, count: number): ScoreInput {
  const asked = Array.from(
    { length: count },
    (_, index) => flights[(first + index) % flights.length],
  );
  return { dataframe_records: asked.map((flight) => ({ ...flight })) };
}
