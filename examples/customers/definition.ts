import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ModelDefinition } from 'modelyard';

const here = new URL('.', import.meta.url);
export const definitionFile = fileURLToPath(new URL('modelyard.json', here));

/**
 * The definition of the file as an object, under a tag no run used before, so that an example tells the same story each
 * time. What is relative in an object is relative to the working directory, hence the absolute paths.
 */
export function customersModel(name: string): ModelDefinition {
  const { $schema: _, ...definition } = JSON.parse(
    readFileSync(definitionFile, 'utf8'),
  ) as ModelDefinition & { $schema?: string };
  const { training } = definition;
  return {
    ...definition,
    tag: `${name}-${Date.now().toString(36)}`,
    training: {
      ...training,
      code: { kind: 'python', directory: fileURLToPath(here), entry: 'train.py:train' },
      data: {
        kind: 'parquet',
        uri: new URL('customers.parquet', here).href,
        timeColumn: 'seen_at',
      },
    },
  };
}

/** A customer as a caller knows one. */
export const CUSTOMER = { months: 3, price: 39, tickets: 4, late_payments: 1 };
