import type { ScenarioName } from './crash-scenarios.js';
import type { CrashOutcome, Undisturbed } from './crash-sweep.js';

const HEAD = `# What comes of a worker that dies

Written by \`npm run campaign -- --only crashes --write\`. A worker's process is ended by SIGKILL at one point of a run, another
one takes over, and what it all came to is compared with the run that nobody disturbed: the run's result, the tag's ledger and
its journal, the jobs, versions, routes with their fences, hosts and aliases, the records with each artifact and their end, and
of a shadow the bookings of its pool and the pairs it kept, each counted in the stores themselves.

The points are every activity, local ones too, before it began and after it had had its effect and nobody knew of it, and every
time that workflow code had run and the server had not heard of it. A cell says at how many points a worker died, and how many
of the runs came to the same. The order of what is done at the same time differs from run to run: a point that a run does not
reach ends no worker, and is not counted.`;

/** The outcomes as a document, by activity and by workflow. */
export function reportOf(plays: Undisturbed, outcomes: readonly CrashOutcome[]): string {
  const scenarios = Object.keys(plays).sort() as ScenarioName[];
  const sections = scenarios.map((name) =>
    [
      `## ${name}`,
      `Counted once, whatever died: ${countsOf(plays[name])}.`,
      activityTable(outcomes.filter(({ scenario }) => scenario === name)),
      workflowTable(outcomes.filter(({ scenario }) => scenario === name)),
    ].join('\n\n'),
  );
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

function countsOf({ effects }: Undisturbed[ScenarioName]): string {
  const { jobs, versions, runs, routes, ledger, hosts } = effects;
  const counts = Object.entries({
    jobs,
    versions,
    'closed records': runs.filter(([status]) => status !== null),
    'routes in the order of their fences': routes,
    'ledger entries': ledger,
    hosts,
  });
  return counts.map(([name, all]) => `${name} ${String(all.length)}`).join(', ');
}

function activityTable(outcomes: CrashOutcome[]): string {
  const at = (outcome: CrashOutcome): string[] => outcome.point.split(':');
  const activities = outcomes.filter((outcome) => at(outcome).length === 3);
  const names = [...new Set(activities.map((outcome) => at(outcome)[0] ?? ''))].sort();
  const rows = names.map((name) => {
    const of = activities.filter((outcome) => at(outcome)[0] === name);
    const cells = ['before', 'after'].map((when) =>
      cell(of.filter((outcome) => at(outcome)[2] === when)),
    );
    return [`\`${name}\``, ...cells];
  });
  return table(['activity', 'killed before it', 'killed after its effect'], rows);
}

function workflowTable(outcomes: CrashOutcome[]): string {
  const workflows = outcomes.filter(({ point }) => point.split(':').length === 2);
  const names = [...new Set(workflows.map(({ point }) => point.split(':')[0] ?? ''))].sort();
  const rows = names.map((name) => {
    const of = workflows.filter(({ point }) => point.startsWith(`${name}:`));
    return [`\`${name}\``, cell(of)];
  });
  return table(['workflow', 'killed with its commands unsaid'], rows);
}

function cell(outcomes: CrashOutcome[]): string {
  const dead = outcomes.filter(({ death }) => death !== null);
  const same = dead.filter(({ differs }) => differs.length === 0);
  const others = outcomes.filter(({ differs }) => differs.length > 0);
  const differing = others.map(({ point, differs }) => `${point}: ${differs.join(' and ')}`);
  const counted = `${String(same.length)} of ${String(dead.length)} the same`;
  return [...(dead.length === 0 ? [] : [counted]), ...differing].join('; ') || '–';
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
