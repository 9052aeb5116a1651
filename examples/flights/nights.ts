// What the team tries over the year: each night has its own data cut-off, and now and then the definition changes.
// Notice that the bad ideas are applied in good faith, exactly as the good ones.
import { readFileSync } from 'node:fs';
import type { Decision, ModelDefinition, ShadowPolicy } from 'modelyard';

export interface Night {
  /** The data cut-off: rows up to this instant are known. */
  asOf: string;
  recipe: keyof typeof RECIPES;
  story: string;
  /** The candidate carries no traffic before this person has approved it. */
  approver?: string;
  /** A window in which the candidate gets a copy of every request, and its answers are compared with the live model's. */
  shadow?: true;
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
  leak: { features: [...congestion, 'dep_delay'], params: boosted },
  hurry: { features: [...schedule, 'dep_delay'], params: { kind: 'logreg' } },
};

/** Needs no labels: two models of the same flights should say about as often that one is late. */
const SHADOW: ShadowPolicy = {
  duration: '10s',
  minRequests: 50,
  checks: [
    { metric: 'score_mean_shift', max: 0.1 },
    { metric: 'error_rate', max: 0.02 },
    { metric: 'score_psi', max: 0.5, dryRun: true },
  ],
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
    shadow: true,
    approver: 'service-owner',
    expect: 'promoted',
  },
  {
    asOf: '2013-07-08',
    recipe: 'leak',
    story: 'and how late it left, which is known only after departure',
    shadow: true,
    expect: 'rejected',
  },
  {
    asOf: '2013-07-09',
    recipe: 'hurry',
    story: 'the same idea, in a hurry: no shadow window, no canary',
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
export function definitionOf({ recipe, approver, shadow, atOnce }: Night): ModelDefinition {
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
    ...(shadow && { shadow: SHADOW }),
    rollout: { ...rollout, ...(steps && !atOnce && { steps }) },
  };
}
