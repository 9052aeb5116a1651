// What the team tries over the year: each night has its own data cut-off, and now and then the definition changes.
// Notice that the bad ideas are applied in good faith, exactly as the good ones.
import { readFileSync } from 'node:fs';
import type { Decision, ModelDefinition } from 'modelyard';

export interface Night {
  /** The data cut-off: rows up to this instant are known. */
  asOf: string;
  recipe: keyof typeof RECIPES;
  story: string;
  /** The candidate carries no traffic before this person has approved it. */
  approver?: string;
  /** Without canary steps: straight to every caller. */
  atOnce?: true;
  /** What the story says comes of it; the demo fails when something else does. */
  expect: Decision;
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
  leak: { features: [...schedule, 'dep_delay'], params: { kind: 'logreg' } },
};

export const NIGHTS: Night[] = [
  {
    asOf: '2013-03-04',
    recipe: 'schedule',
    story: 'the first model: a regression on the schedule',
    expect: 'promoted',
  },
  {
    asOf: '2013-03-11',
    recipe: 'weather',
    story: 'boosted trees that know the weather',
    expect: 'promoted',
  },
  {
    asOf: '2013-03-12',
    recipe: 'weather',
    story: 'the same a night later: better by a hair',
    expect: 'inconclusive',
  },
  {
    asOf: '2013-03-25',
    recipe: 'weather',
    story: 'the same two weeks later',
    expect: 'inconclusive',
  },
  {
    asOf: '2013-05-20',
    recipe: 'congestion',
    story: 'and how late the airport was two hours ago',
    approver: 'service-owner',
    expect: 'promoted',
  },
  {
    asOf: '2013-07-08',
    recipe: 'leak',
    story: 'in a hurry: a column that is known only after departure',
    atOnce: true,
    expect: 'rolled-back',
  },
  {
    asOf: '2013-07-15',
    recipe: 'congestion',
    story: 'back to what was known, with newer data',
    expect: 'promoted',
  },
  {
    asOf: '2013-10-08',
    recipe: 'schedule',
    story: 'would the simple one do?',
    expect: 'not-better',
  },
];

/** The definition as the team applies it that night. */
export function definitionOf({ recipe, approver, atOnce }: Night): ModelDefinition {
  const { $schema: _, gate, ...definition } = weather;
  const { code, data, ...training } = definition.training;
  const { steps, ...rollout } = definition.rollout ?? {};
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
    gate: { ...gate, ...(approver && { approval: { required: 1, from: [approver] } }) },
    rollout: { ...rollout, ...(steps && !atOnce && { steps }) },
  };
}
