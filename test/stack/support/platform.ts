import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Platform, type ModelDefinition, type PlatformOptions } from 'modelyard';
import { startStack, type Stack } from 'modelyard/dev';
import { inject } from 'vitest';

export interface Connected {
  stack: Stack;
  platform: Platform;
}

/** The shared stack and a platform on it. `stack.worker` may be killed; whoever does so restarts it. */
export async function connected(options: PlatformOptions = {}): Promise<Connected> {
  const stack = await startStack({ directory: inject('stackDirectory') });
  return { stack, platform: await platformOn(stack, options) };
}

export function platformOn(stack: Stack, options: PlatformOptions = {}): Promise<Platform> {
  return Platform.connect({
    temporal: { address: stack.temporal.address },
    mlflow: { trackingUri: stack.mlflow.url },
    gateway: { url: stack.gateway.url },
    actor: 'tester',
    ...options,
  });
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/**
 * A definition that trains in a second on ten days of the flights: the first model has the schedule's columns, and one
 * with `better` knows the congestion, which beats it for certain.
 */
export function definitionOf(
  tag: string,
  over: { params?: Record<string, unknown>; better?: boolean } & Partial<ModelDefinition> = {},
): ModelDefinition {
  const { params, better, ...fields } = over;
  const columns = ['origin', 'carrier', 'dep_minute', 'distance'];
  return {
    tag,
    owner: { team: 'testers', contact: 'testers@example.com' },
    training: {
      task: 'binary-classification',
      code: { kind: 'python', directory: path('../code'), entry: 'train.py:train' },
      data: {
        kind: 'parquet',
        uri: path('../../../examples/flights/data/flights.parquet'),
        timeColumn: 'scheduled_at',
        window: '10d',
      },
      features: better ? [...columns, 'origin_delay_2h', 'temp', 'precip', 'visib'] : columns,
      label: 'label',
      holdout: { kind: 'last', duration: '3d' },
      timeout: '5m',
      ...(params && { params }),
    },
    evaluation: { cluster: ['date', 'origin', 'hour'] },
    gate: {
      metrics: [{ name: 'auc', direction: 'higher', threshold: 0.5, minImprovement: 0 }],
      autoPromote: true,
    },
    ...fields,
  };
}

/** One flight to ask about, in the columns that every model of these tests knows. */
export const FLIGHT = {
  dataframe_records: [
    {
      origin: 'LGA',
      carrier: 'DL',
      dep_minute: 600,
      distance: 700,
      origin_delay_2h: 3,
      temp: 60,
      precip: 0,
      visib: 10,
    },
  ],
};

/** A data cut-off in a stretch of the year where congestion predicts well. */
export const CUTOFF = new Date('2013-06-01T00:00:00Z');

let tags = 0;
/** A tag no other test uses. */
export const newTag = (about: string): string => {
  tags += 1;
  return `${about}-${String(process.pid)}-${String(tags)}`;
};

/** How often, and with what, the user's `train` really ran. */
export async function traced(
  file: string,
): Promise<{ pid: number; params: Record<string, unknown> }[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { pid: number; params: Record<string, unknown> });
}
