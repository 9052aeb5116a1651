import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { InvalidDefinitionError, type Issue } from './errors.js';
import { listIssues } from './issues.js';

/** Never part of the code, whatever .modelyardignore says. */
const ALWAYS_IGNORED = ['.git', '__pycache__', '.venv', 'node_modules', '.modelyard'];
export const MAX_CODE_BYTES = 20 * 1024 * 1024;
const BIGGEST_NAMED = 5;

export interface CodeFile {
  /** Relative to the code directory, with '/'. */
  path: string;
  absolute: string;
  bytes: number;
  executable: boolean;
}

/**
 * The files that travel, sorted by path, without the files and folders of `notCode`; InvalidDefinitionError when they are
 * too many bytes or reach outside.
 */
export async function listCode(directory: string, notCode: string[] = []): Promise<CodeFile[]> {
  const root = await realpath(directory);
  const issues: Issue[] = [];
  const leftOut = new Set((await Promise.all(notCode.map(placesOf))).flat());
  const files = await walk({ root, ignored: await ignoreRules(root), leftOut, issues }, '');
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  issues.push(...tooLarge(files));
  if (issues.length > 0) {
    throw new InvalidDefinitionError(
      listIssues(`The code in ${directory} cannot be packed`, issues),
      issues,
    );
  }
  return files;
}

interface Walk {
  root: string;
  ignored: Ignore;
  /** Absolute paths. */
  leftOut: ReadonlySet<string>;
  issues: Issue[];
}

/** Where a path itself lies and, should it be a link, what it names. */
async function placesOf(path: string): Promise<string[]> {
  const absolute = resolve(path);
  return [join(await realpath(dirname(absolute)), basename(absolute)), await realpath(absolute)];
}

async function walk(at: Walk, folder: string): Promise<CodeFile[]> {
  const files: CodeFile[] = [];
  for (const entry of await readdir(join(at.root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (at.ignored.ignores(entry.isDirectory() ? `${path}/` : path)) continue;
    if (isLeftOut(at, join(at.root, path))) continue;
    if (entry.isDirectory()) files.push(...(await walk(at, path)));
    else if (entry.isFile()) files.push(await describe(at, path));
    else if (entry.isSymbolicLink()) files.push(...(await followed(at, path)));
    else
      at.issues.push({
        path: 'training.code.directory',
        message: `${path}: expected files, folders and links only`,
      });
  }
  return files;
}

function isLeftOut({ leftOut }: Walk, path: string): boolean {
  return [...leftOut].some((place) => path === place || path.startsWith(place + sep));
}

async function describe({ root }: Walk, path: string): Promise<CodeFile> {
  const absolute = join(root, ...path.split('/'));
  const { size, mode } = await stat(absolute);
  return { path, absolute, bytes: size, executable: (mode & 0o100) !== 0 };
}

/** A link travels as the file it names, so that the archive means the same on every store and system. */
async function followed(at: Walk, path: string): Promise<CodeFile[]> {
  const refuse = (why: string): CodeFile[] => {
    at.issues.push({
      path: 'training.code.directory',
      message: `the symbolic link ${path} ${why}`,
    });
    return [];
  };
  try {
    const target = await realpath(join(at.root, path));
    if (isLeftOut(at, target)) return [];
    const inside = relative(at.root, target);
    if (inside.startsWith('..') || inside === '' || target === inside)
      return refuse(`leads outside, to ${target}`);
    if ((await lstat(target)).isDirectory())
      return refuse(`names the folder ${inside.split(sep).join('/')}; link files only`);
    return [await describe(at, path)];
  } catch {
    return refuse('names nothing');
  }
}

async function ignoreRules(root: string): Promise<Ignore> {
  const rules = ignore().add(ALWAYS_IGNORED);
  try {
    // Added in front, so that no line of the file can bring back what is always left out.
    return ignore()
      .add(await readFile(join(root, '.modelyardignore'), 'utf8'))
      .add(ALWAYS_IGNORED);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return rules;
    throw error;
  }
}

function tooLarge(files: CodeFile[]): Issue[] {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= MAX_CODE_BYTES) return [];
  const biggest = files
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, BIGGEST_NAMED)
    .map((file) => `${file.path} (${String(file.bytes)})`);
  const message = `expected at most ${String(MAX_CODE_BYTES)} bytes, got ${String(bytes)}; name what jobs do not need in .modelyardignore; the biggest: ${biggest.join(', ')}`;
  return [{ path: 'training.code.directory', message }];
}
