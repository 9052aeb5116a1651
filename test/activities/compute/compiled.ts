import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCES = ['temporal', 'activities/compute'];

/** The sources as plain JavaScript in a directory of their own, for processes that the tests start and kill. */
export interface Compiled extends Disposable {
  readonly directory: string;
  /** Adds a module beside the sources' top folders and returns its path. */
  script(name: string, text: string): string;
}

export function compile(): Compiled {
  const directory = mkdtempSync(join(tmpdir(), 'modelyard-compiled-'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  for (const source of SOURCES.flatMap(typescriptBelow)) emit(directory, source);
  return {
    directory,
    script: (name, text) => {
      const path = join(directory, `${name}.mjs`);
      writeFileSync(path, text);
      return path;
    },
    [Symbol.dispose]: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function typescriptBelow(folder: string): string[] {
  const names = readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
}

function emit(directory: string, source: string): void {
  const target = join(directory, source.replace(/\.ts$/, '.js'));
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2024,
    verbatimModuleSyntax: true,
  };
  const text = readFileSync(join(REPOSITORY, source), 'utf8');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText);
}
