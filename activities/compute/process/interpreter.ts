import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { passedOnEnvironment } from './environment.js';

const LIMIT_MS = 10_000;

/**
 * Says its version, or what it lacks. Only a package that is not there at all is missed: versions are the team's own affair,
 * and a line with a marker is for some systems only.
 */
const QUESTION = `
import importlib.metadata, pathlib, sys

def is_missing(name):
    try:
        importlib.metadata.version(name)
        return False
    except importlib.metadata.PackageNotFoundError:
        return True

if sys.version_info < (3, 10):
    sys.exit("expected Python 3.10 or newer, got " + sys.version.split()[0])
listed = pathlib.Path(sys.argv[1], "requirements.txt")
lines = listed.read_text().splitlines() if listed.is_file() else []
names = [line.split("==")[0] for line in lines if "==" in line and ";" not in line]
missing = [name for name in names if is_missing(name)]
if missing:
    some = ", ".join(missing[:5])
    sys.exit(f"it lacks {len(missing)} of the {len(names)} packages of {listed} ({some}); install that file there")
print(sys.version.split()[0])
`;

/** The version of an interpreter that has what the harness needs; throws what is wrong with another. */
export async function versionOf(python: string, harness: string): Promise<string> {
  const asked = promisify(execFile)(python, ['-c', QUESTION, harness], {
    cwd: '/',
    env: passedOnEnvironment(),
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const { stdout } = await asked.catch((error: unknown) => {
    throw new Error(`${python}: ${saidBy(error)}`);
  });
  return stdout.trim();
}

/** What the interpreter printed last; of one that did not start or end, what became of it. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr = '', killed } = error as { stderr?: string; killed?: boolean };
  if (killed === true) return `no answer within ${String(LIMIT_MS / 1000)} s`;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return said === '' ? error.message : said;
}
