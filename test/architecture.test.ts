import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { RINGS, type Ring } from '../rings.js';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  file: string;
  specifier: string;
  typesOnly: boolean;
}

const files = RINGS.flatMap((ring) => filesOf(ring).map((file) => ({ ring, file })));
const imports = files.map(({ ring, file }) => ({ ring, file, imports: importsOf(file) }));

function filesOf({ folder, except = [] }: Ring): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter(
      (file) =>
        /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts') && !file.includes('node_modules'),
    )
    .filter((file) => !except.some((other) => file.startsWith(`${other}/`)));
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push({ file, specifier: node.moduleSpecifier.text, typesOnly: isTypeOnly(node) });
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument))
        found.push({ file, specifier: argument.text, typesOnly: false });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every(({ isTypeOnly: only }) => only)
  );
}

function problemOf(ring: Ring, { file, specifier, typesOnly }: Import): string | null {
  const said = `${file} imports ${specifier}`;
  if (specifier.startsWith('node:'))
    return ring.node ? null : `${said}: this ring has no Node modules`;
  if (!specifier.startsWith('.'))
    return packageAllowed(ring, specifier) ? null : `${said}: not a package of this ring`;
  const target = relative(root, normalize(join(root, dirname(file), specifier)));
  if (target.startsWith(`${ring.folder}/`)) return null;
  const allowed = [...ring.siblings, ...(typesOnly ? ring.typesOf : [])];
  return allowed.some((folder) => target.startsWith(`${folder}/`))
    ? null
    : `${said}: not an inner ring`;
}

const packageAllowed = (ring: Ring, specifier: string): boolean =>
  ring.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));

describe('the rings', () => {
  it.each(RINGS.map((ring) => [ring.folder, ring] as const))(
    '%s imports only what its row allows',
    (_folder, ring) => {
      const problems = imports
        .filter((of) => of.ring === ring)
        .flatMap((of) => of.imports.map((each) => problemOf(ring, each)));
      expect(problems.filter((problem) => problem !== null)).toEqual([]);
    },
  );

  it('finds the files of every ring', () => {
    for (const ring of RINGS) expect(filesOf(ring).length, ring.folder).toBeGreaterThan(0);
  });

  it('catches an import that points outwards, and lets the same one through as a type where the row says so', () => {
    const workflows = RINGS.find(({ folder }) => folder === 'workflows');
    if (!workflows) throw new Error('expected a row for workflows');
    const of = (specifier: string, typesOnly: boolean) =>
      problemOf(workflows, { file: 'workflows/retrain.ts', specifier, typesOnly });
    expect(of('../activities/compute/activities.js', false)).toContain('not an inner ring');
    expect(of('../activities/compute/activities.js', true)).toBeNull();
    expect(of('node:fs', false)).toContain('no Node modules');
    expect(of('undici', false)).toContain('not a package');
  });

  it('loads zod in no workflow: contracts are imported as types', () => {
    const values = imports
      .filter(({ ring }) => ring.folder === 'workflows')
      .flatMap((of) => of.imports)
      .filter(
        ({ specifier, typesOnly }) => specifier.includes('temporal/contracts/') && !typesOnly,
      );
    expect(values).toEqual([]);
  });

  it('has no cycle', () => {
    const edges = new Map(
      imports.map(({ file, imports: of }) => [
        file,
        of
          .filter(({ specifier, typesOnly }) => specifier.startsWith('.') && !typesOnly)
          .map(({ specifier }) => sourceOf(file, specifier)),
      ]),
    );
    expect(firstCycle(edges)).toBeNull();
  });

  it('has no drawer', () => {
    const drawers = files
      .map(({ file }) => file)
      .filter((file) => /(^|\/)(utils?|common|helpers?|misc|shared)(\/|\.)/.test(file));
    expect(drawers).toEqual([]);
  });
});

const sourceOf = (file: string, specifier: string): string =>
  normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts');

function firstCycle(edges: Map<string, string[]>): string[] | null {
  const done = new Set<string>();
  const walk = (file: string, path: string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of edges.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of edges.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return null;
}
