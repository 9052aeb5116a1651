// What the team tries over the year: each night has its own data cut-off, and now and then the definition changes.
// Notice that the bad ideas are applied in good faith, exactly as the good ones.
import { readFileSync } from 'node:fs';
import type { ModelDefinition } from 'modelyard';

export interface Night {
  /** The data cut-off: rows up to this instant are known. */
  asOf: string;
  recipe: keyof typeof RECIPES;
  story: string;
  /** The service owner looks at the live scores the next day and takes the model back. */
  rolledBack?: string;
}

const file = new URL('modelyard.json', import.meta.url);
const weather = JSON.parse(readFileSync(file, 'utf8')) as ModelDefinition & { $schema?: string };
const schedule = ['origin', 'dest', 'carrier', 'dow', 'dep_minute', 'arr_minute', 'distance'];
const congestion = [...weather.training.features, 'origin_delay_2h'];
const boosted = weather.training.params ?? {};

const RECIPES = {
  schedule: { features: schedule, params: { kind: 'logreg' } },
  weather: { features: weather.training.features, params: boosted },
  congestion: { features: congestion, params: boosted },
  leak: { features: [...congestion, 'dep_delay'], params: boosted },
};

export const NIGHTS: Night[] = [
  {
    asOf: '2013-03-04',
    recipe: 'schedule',
    story: 'the first model: a regression on the schedule',
  },
  { asOf: '2013-03-11', recipe: 'weather', story: 'boosted trees that know the weather' },
  { asOf: '2013-03-12', recipe: 'weather', story: 'the same a night later: better by a hair' },
  { asOf: '2013-03-25', recipe: 'weather', story: 'the same two weeks later' },
  { asOf: '2013-05-20', recipe: 'congestion', story: 'and how late the airport was two hours ago' },
  {
    asOf: '2013-07-08',
    recipe: 'leak',
    story: 'a column that is only known after departure',
    rolledBack: 'scores collapsed: dep_delay is not known when we are asked',
  },
  { asOf: '2013-07-15', recipe: 'congestion', story: 'back to what was known, with newer data' },
  { asOf: '2013-10-08', recipe: 'schedule', story: 'would the simple one do?' },
];

/** The definition as the team applies it that night. */
export function definitionOf({ recipe }: Night): ModelDefinition {
  const { $schema: _, ...definition } = weather;
  const { code, data, ...training } = definition.training;
  const here = new URL('.', import.meta.url);
  if (code.kind !== 'python' || data.kind !== 'parquet')
    throw new Error('expected Python code and Parquet data');
  return {
    ...definition,
    training: {
      ...training,
      ...RECIPES[recipe],
      code: { ...code, directory: here.pathname },
      data: { ...data, uri: new URL(data.uri, here).href },
    },
  };
}
