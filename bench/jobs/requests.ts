import type { ApiUse } from '../../dist/testing/index.js';
import { rounded } from '../statistics.ts';

export interface Requests {
  inAll: number;
  perJob: number;
  /** By verb and resource, of one job. */
  ofOneJob: Record<string, number>;
  /** How many were answered with something else than success, by status. */
  refused: Record<string, number>;
}

/** What the apiserver noted of one account. */
export function requestsOf(uses: readonly ApiUse[], user: string, jobs: number): Requests {
  const own = uses.filter((use) => use.user === user);
  const refused = own.filter(({ status }) => status >= 300);
  return {
    inAll: own.length,
    perJob: rounded(own.length / jobs),
    ofOneJob: counted(own.map(said), jobs),
    refused: counted(
      refused.map((use) => `${said(use)} ${String(use.status)}`),
      1,
    ),
  };
}

const said = ({ verb, resource, subresource }: ApiUse): string =>
  `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`;

function counted(words: readonly string[], by: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words.toSorted()) counts[word] = (counts[word] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).map(([word, n]) => [word, rounded(n / by)]));
}
