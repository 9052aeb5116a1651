import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RINGS, type Ring } from '../rings.js';
import { buildProgram } from '../sdk/cli/program.js';
import { defineModel } from '../sdk/definition-source.js';
import type { ModelDefinition } from '../sdk/index.js';
import { parseConfig } from '../workers/config.js';
import { codeBelow, linksOf, tableBelow } from './support/markdown.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const GENERATED = ['docs/crash-sweep.md'];
const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'deploy/README.md',
  'docs/job-contract.md',
];

describe('README.md', () => {
  it('G1 shows a definition that is valid', () => {
    const { $schema, ...definition } = JSON.parse(
      codeBelow(read('README.md'), '## What a team writes', 'json'),
    ) as ModelDefinition & { $schema: string };
    expect($schema).toContain('modelyard.schema.json');
    expect(defineModel(definition)).toEqual(definition);
  });

  it('G1 shows a rollout that is valid', () => {
    const { $schema: _, ...definition } = JSON.parse(
      codeBelow(read('README.md'), '## What a team writes', 'json'),
    ) as ModelDefinition & { $schema: string };
    const shown = fragmentBelow('## Going live in steps') as Pick<ModelDefinition, 'rollout'>;
    expect(defineModel({ ...definition, ...shown }).rollout).toEqual(shown.rollout);
  });

  it("shows approvers that a worker's configuration takes", () => {
    const config = JSON.parse(
      codeBelow(read('README.md'), '## On your own servers', 'json'),
    ) as object;
    const shown = fragmentBelow('## A second person') as object;
    expect(parseConfig({ ...config, ...shown }, {})).toMatchObject(shown);
  });

  it('shows a compute target of Kubernetes that a worker takes', () => {
    const config = JSON.parse(
      codeBelow(read('README.md'), '## On your own servers', 'json'),
    ) as object;
    const shown = fragmentBelow('## Kubernetes') as object;
    expect(parseConfig({ ...config, ...shown }, {})).toMatchObject(shown);
  });

  it("shows a worker's configuration that is valid", () => {
    const config: unknown = JSON.parse(
      codeBelow(read('README.md'), '## On your own servers', 'json'),
    );
    expect(parseConfig(config, {})).toMatchObject(config as object);
  });

  it('names every verb of the command line, and none that is not there', () => {
    const named = tableBelow(read('README.md'), '## The verbs').flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z-]+)/g)].map(([, verb]) => verb),
    );
    const known = buildProgram().commands.map((command) => command.name());
    expect([...new Set(named)].sort()).toEqual(known.sort());
  });
});

describe('the definitions of the examples', () => {
  it.each(['customers', 'flights', 'image'])(
    'G1 %s: is valid, and an editor finds its schema',
    (folder) => {
      const file = join('examples', folder, 'modelyard.json');
      const { $schema, ...definition } = JSON.parse(read(file)) as ModelDefinition & {
        $schema: string;
      };
      expect(join(dirname(file), $schema)).toBe('modelyard.schema.json');
      expect(defineModel(definition)).toEqual(definition);
    },
  );
});

describe('ARCHITECTURE.md', () => {
  it('shows the rings as the code checks them', () => {
    const shown = tableBelow(read('ARCHITECTURE.md'), '## Rings').map(
      ([folder, , imports, types, packages, node]) => [folder, imports, types, packages, node],
    );
    expect(shown).toEqual(RINGS.map(rowOf));
  });

  it('shows the folders of the repository that hold code', () => {
    const rings = new Set(RINGS.map(({ folder }) => folder.split('/', 1)[0]));
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isOurs(entry.name))
      .map(({ name }) => name);
    for (const folder of folders) {
      const outside = ['test', 'bench', 'scripts', 'docs', 'deploy'].includes(folder);
      expect(outside || rings.has(folder), folder).toBe(true);
    }
  });
});

describe('the documents', () => {
  it.each(documents())('%s links to what is there', (file) => {
    const missing = linksOf(read(file)).filter(
      (link) => !existsSync(join(root, dirname(file), link)),
    );
    expect(missing).toEqual([]);
  });

  it.each(documents().filter((file) => ![...DOCUMENTS, ...GENERATED].includes(file)))(
    '%s fits a screen',
    (file) => {
      expect(read(file).trimEnd().split('\n').length).toBeLessThanOrEqual(30);
    },
  );
});

/** A part of an object, as a document shows it. */
const fragmentBelow = (heading: string): unknown =>
  JSON.parse(`{${codeBelow(read('README.md'), heading, 'json')}}`);

function rowOf({ folder, siblings, typesOf, packages, node }: Ring): string[] {
  const folders = (names: readonly string[]): string => list(names.map((name) => `${name}/`));
  return [
    `\`${folder}/\``,
    folders(siblings),
    folders(typesOf.filter((name) => !siblings.includes(name))),
    list(packages),
    node ? 'yes' : 'no',
  ];
}

const list = (names: readonly string[]): string =>
  names.length === 0 ? '–' : names.map((name) => `\`${name}\``).join(', ');

function documents(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return isOurs(entry.name) ? documents(path) : [];
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const isOurs = (name: string): boolean =>
  !name.startsWith('.') && !['node_modules', 'dist', 'coverage', '__pycache__'].includes(name);
