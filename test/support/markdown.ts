/** The cells of the first table below a heading, without its head. */
export function tableBelow(document: string, heading: string): string[][] {
  const lines = below(document, heading);
  const first = lines.findIndex((line) => line.startsWith('|'));
  if (first < 0) throw new Error(`expected a table below '${heading}'`);
  const rest = lines.slice(first);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(2, end < 0 ? undefined : end).map(cellsOf);
}

/** The first fenced block of a language below a heading. */
export function codeBelow(document: string, heading: string, language: string): string {
  const lines = below(document, heading);
  const first = lines.indexOf(`\`\`\`${language}`);
  if (first < 0) throw new Error(`expected a block of ${language} below '${heading}'`);
  const rest = lines.slice(first + 1);
  return rest.slice(0, rest.indexOf('```')).join('\n');
}

/** The paths that a document links to, without those that leave the repository. */
export function linksOf(document: string): string[] {
  return [...document.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}

function below(document: string, heading: string): string[] {
  const lines = document.split('\n');
  const at = lines.indexOf(heading);
  if (at < 0) throw new Error(`expected the heading '${heading}'`);
  return lines.slice(at + 1);
}

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
