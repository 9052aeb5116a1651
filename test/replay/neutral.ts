import { hostname, homedir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelyardHome } from '../../sdk/dev/setup/locations.mjs';

const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** What tells of the machine that recorded, and what stands for it. Replay does not compare what activities were given. */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [new RegExp(escaped(modelyardHome()), 'g'), '/tools'],
  [new RegExp(escaped(ROOT), 'g'), '/repository'],
  [/(?:\/[\w.+-]+)+\/(?=(?:site-packages|node_modules)\/)/g, '/packages/'],
  [/(?:\/[\w.+-]+)+\/(lib\/python3\.\d+)\//g, '/python/$1/'],
  [/\/tmp\/[\w.-]+/g, '/scratch'],
  [new RegExp(`${escaped(homedir())}(?=/)`, 'g'), '/home/somebody'],
  [new RegExp(`(\\d+@)${escaped(hostname())}`, 'g'), '$1somewhere'],
];

/** A history as JSON without any trace of the machine, also inside its payloads. */
export function neutral(value: unknown): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map(neutral);
  if (typeof value !== 'object' || value === null) return value;
  if (isPayload(value)) return { ...value, data: encoded(clean(decoded(value.data))) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, neutral(inner)]));
}

function clean(text: string): string {
  return REPLACED.reduce((told, [found, instead]) => told.replaceAll(found, instead), text);
}

const isPayload = (value: object): value is { metadata: object; data: string } =>
  'metadata' in value && 'data' in value && typeof value.data === 'string';

const decoded = (data: string): string => Buffer.from(data, 'base64').toString();
const encoded = (text: string): string => Buffer.from(text).toString('base64');

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
