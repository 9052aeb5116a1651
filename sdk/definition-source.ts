import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ModelDefinition } from '../temporal/contracts/definition.js';
import { Code, DataSource, EvaluationSpec } from '../temporal/contracts/training.js';
import { InvalidDefinitionError, type Issue } from './errors.js';
import { check, listIssues } from './issues.js';

/** Parses a definition and hands it back typed; InvalidDefinitionError names every problem at once. */
export function defineModel(definition: ModelDefinition): ModelDefinition {
  const issues: Issue[] = [];
  const parsed = parse(definition, issues);
  if (parsed === undefined || issues.length > 0) throw invalid(definition, issues);
  return parsed;
}

export interface LoadedDefinition {
  /** With its data's uri made absolute. */
  definition: ModelDefinition;
  /** Absolute; null for code that comes as an image. */
  codeDirectory: string | null;
  /** Absolute: the definition's own file and its local data, which may lie among the code but do not travel with it. */
  notCode: string[];
}

/** Reads the object or the file form, resolves what is relative, and checks that what it names is there. */
export async function loadDefinition(
  source: ModelDefinition | { file: string },
): Promise<LoadedDefinition> {
  const { value, base, file } =
    'file' in source
      ? await readDefinition(source.file)
      : { value: source, base: process.cwd(), file: null };
  const issues: Issue[] = [];
  const parsed = parse(value, issues);
  issues.push(...(await missingFiles(value, base)));
  if (parsed === undefined || issues.length > 0) throw invalid(value, issues);
  return resolvePlaces(parsed, base, file);
}

async function readDefinition(
  file: string,
): Promise<{ value: unknown; base: string; file: string }> {
  const path = resolve(file);
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as unknown;
    return { value, base: dirname(path), file: path };
  } catch (error) {
    const message =
      error instanceof SyntaxError
        ? `expected JSON: ${error.message}`
        : 'expected a file that can be read';
    throw new InvalidDefinitionError(`${path}: ${message}`, [{ path: '', message }], {
      cause: error,
    });
  }
}

function parse(value: unknown, issues: Issue[]): ModelDefinition | undefined {
  // Editors find the schema by this key; it is no part of the definition.
  const { $schema: _, ...content } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Record<string, unknown>;
  const outcome = check(
    ModelDefinition,
    typeof value === 'object' && value !== null ? content : value,
  );
  if ('issues' in outcome) {
    issues.push(...outcome.issues);
    return undefined;
  }
  const params = check(
    z.record(z.string(), z.json()),
    outcome.value.training.params ?? {},
    'training.params',
  );
  if ('issues' in params) issues.push(...params.issues);
  return outcome.value;
}

/** Looked for even when other parts of the definition are wrong, so that all problems are told together. */
async function missingFiles(value: unknown, base: string): Promise<Issue[]> {
  const training = field(value, 'training');
  const code = Code.safeParse(field(training, 'code')).data;
  const data = DataSource.safeParse(field(training, 'data')).data;
  const evaluation = EvaluationSpec.safeParse(field(value, 'evaluation')).data;
  const issues: Issue[] = [];
  if (code?.kind === 'python') {
    const directory = resolve(base, code.directory);
    if (!(await isKind(directory, 'directory'))) {
      issues.push({
        path: 'training.code.directory',
        message: `expected a directory, found none at ${directory}`,
      });
    } else {
      issues.push(...(await missingEntry(directory, 'training.code.entry', code.entry)));
      issues.push(...(await missingEntry(directory, 'evaluation.entry', evaluation?.entry)));
    }
  }
  const dataPath = data?.kind === 'parquet' ? localPath(data.uri, base) : null;
  if (dataPath !== null && !(await isKind(dataPath, 'any'))) {
    issues.push({
      path: 'training.data.uri',
      message: `expected a Parquet file or a directory of them, found none at ${dataPath}`,
    });
  }
  return issues;
}

async function missingEntry(
  directory: string,
  path: string,
  entry: string | undefined,
): Promise<Issue[]> {
  if (entry === undefined) return [];
  const file = join(directory, entry.slice(0, entry.lastIndexOf(':')));
  return (await isKind(file, 'file'))
    ? []
    : [{ path, message: `expected a Python file, found none at ${file}` }];
}

function resolvePlaces(
  definition: ModelDefinition,
  base: string,
  file: string | null,
): LoadedDefinition {
  const { code, data } = definition.training;
  const path = data.kind === 'parquet' ? localPath(data.uri, base) : null;
  const resolved: ModelDefinition =
    path === null || data.kind !== 'parquet'
      ? definition
      : {
          ...definition,
          training: { ...definition.training, data: { ...data, uri: pathToFileURL(path).href } },
        };
  // A field that was set to undefined is one that was not set.
  const plain = JSON.parse(JSON.stringify(resolved)) as ModelDefinition;
  return {
    definition: plain,
    codeDirectory: code.kind === 'python' ? resolve(base, code.directory) : null,
    notCode: [file, path].filter(
      (place) => place !== null && !holdsEntry(place, plain, base),
    ) as string[],
  };
}

/** A folder of data that the code's entry lies in is code, too. */
function holdsEntry(
  place: string,
  { training, evaluation }: ModelDefinition,
  base: string,
): boolean {
  const { code } = training;
  if (code.kind !== 'python') return false;
  return [code.entry, evaluation?.entry].some((entry) => {
    if (entry === undefined) return false;
    const inside = relative(place, resolve(base, code.directory, entry));
    return !inside.startsWith('..') && !isAbsolute(inside);
  });
}

/** The absolute path a data uri names, or null when it is not on this machine. */
function localPath(uri: string, base: string): string | null {
  if (/^file:/i.test(uri)) return fileURLToPath(uri);
  // Two letters at least: 'C:\data' is a path.
  if (/^[a-z][a-z0-9+.-]+:/i.test(uri)) return null;
  return isAbsolute(uri) ? uri : resolve(base, uri);
}

async function isKind(path: string, kind: 'file' | 'directory' | 'any'): Promise<boolean> {
  try {
    const found = await stat(path);
    return kind === 'any' || (kind === 'file' ? found.isFile() : found.isDirectory());
  } catch {
    return false;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function invalid(value: unknown, issues: Issue[]): InvalidDefinitionError {
  const tag = field(value, 'tag');
  const name = typeof tag === 'string' ? `The definition of ${tag}` : 'The definition';
  return new InvalidDefinitionError(listIssues(`${name} is not valid`, issues), issues);
}
