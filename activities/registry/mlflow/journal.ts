import canonicalize from 'canonicalize';
import { failure } from '../../../temporal/errors.js';
import { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type { Registry } from '../port.js';
import { claim, getRun } from './claims.js';
import { createKeyedRun, endRun, findKeyedRuns, markDuplicate } from './keyed-runs.js';
import { journalKey, type Home } from './home.js';
import type { Parts } from './parts.js';
import { OWN_TAGS } from './tags.js';

const ENTRIES_PER_PAGE = 250;
/** Below the length at which the server cuts a param silently. */
const MAX_ENTRY_BYTES = 4_000;
const PAGE_PARAM = /^page\.([1-9]\d*)$/;

const pageOf = (seq: number): number => Math.floor((seq - 1) / ENTRIES_PER_PAGE);
const entryParam = (seq: number): string => `ledger.${String(seq)}`;
const pageParam = (page: number): string => `page.${String(page)}`;

export function createJournal({ mlflow, homes }: Parts): Pick<Registry, 'journal' | 'readJournal'> {
  const pageRuns = new Map<string, string>();

  async function pageRunFor(home: Home, entry: LedgerEntry): Promise<string> {
    const page = pageOf(entry.seq);
    if (page === 0) return home.journalRunId;
    const key = journalKey(entry.tag, page);
    const runId = pageRuns.get(key) ?? (await openPage(home, entry));
    pageRuns.set(key, runId);
    return runId;
  }

  /** The first page names the later ones, by params: written once, so that no two runs are ever the same page. */
  async function openPage(home: Home, entry: LedgerEntry): Promise<string> {
    const page = pageOf(entry.seq);
    const { params } = await getRun(mlflow, home.journalRunId);
    const known = params[pageParam(page)];
    if (known !== undefined) return known;

    const where = { experimentId: home.booksExperimentId, key: journalKey(entry.tag, page) };
    const startTimeMs = Date.parse(entry.at);
    const [found] = await findKeyedRuns(mlflow, where);
    const run =
      found ?? (await createKeyedRun(mlflow, { ...where, startTimeMs, tags: pageTags(entry) }));
    await endRun(mlflow, run.runId, 'FINISHED', startTimeMs);
    const { won, value } = await claim(mlflow, home.journalRunId, pageParam(page), run.runId);
    if (!won) await markDuplicate(mlflow, run, value);
    return value;
  }

  async function write(home: Home, entry: LedgerEntry): Promise<void> {
    const text = entryText(entry);
    const runId = await pageRunFor(home, entry);
    const { won, value } = await claim(mlflow, runId, entryParam(entry.seq), text);
    if (won) return;
    throw failure(
      'RegistryConflict',
      `journal of ${entry.tag}: entry ${String(entry.seq)} is there with other content`,
      { details: { seq: entry.seq, expected: text, actual: value, runId } },
    );
  }

  return {
    async journal(entries) {
      // In order and one by one: an entry is never there without the one before it.
      for (const entry of [...entries].sort((a, b) => a.seq - b.seq)) {
        await write(await homes.ensure(entry.tag), entry);
      }
    },

    async readJournal(tag, before, limit) {
      const home = await homes.find(tag);
      if (home === null) return [];
      const first = await getRun(mlflow, home.journalRunId);
      const read: LedgerEntry[] = [];
      for (const { page, runId } of pagesNewestFirst(first.params, pageOf(before - 1))) {
        const { params } = await getRun(mlflow, runId);
        read.push(...entriesOf(params, { tag, page, before }));
        if (read.length >= limit) return read.slice(0, limit);
      }
      if (pageOf(before - 1) >= 0) read.push(...entriesOf(first.params, { tag, page: 0, before }));
      return read.slice(0, limit);
    },
  };
}

function pageTags(entry: LedgerEntry): Record<string, string> {
  const isFirst = entry.seq === pageOf(entry.seq) * ENTRIES_PER_PAGE + 1;
  return {
    [REGISTRY_TAGS.tag]: entry.tag,
    [OWN_TAGS.kind]: 'book',
    ...(isFirst && { [OWN_TAGS.opensWith]: entry.previousHash }),
  };
}

function entryText(entry: LedgerEntry): string {
  const text = canonicalize(entry) ?? '';
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ENTRY_BYTES) return text;
  throw failure(
    'InvalidRequest',
    `ledger entry ${String(entry.seq)} of ${entry.tag}: expected at most ${String(MAX_ENTRY_BYTES)} bytes, got ${String(bytes)}`,
  );
}

/** The pages after the first one, from `last` downwards. */
function pagesNewestFirst(
  params: Record<string, string>,
  last: number,
): { page: number; runId: string }[] {
  return Object.entries(params)
    .map(([key, runId]) => ({ page: Number(PAGE_PARAM.exec(key)?.[1] ?? 0), runId }))
    .filter(({ page }) => page > 0 && page <= last)
    .sort((a, b) => b.page - a.page);
}

function entriesOf(
  params: Record<string, string>,
  { tag, page, before }: { tag: string; page: number; before: number },
): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (
    let seq = Math.min((page + 1) * ENTRIES_PER_PAGE, before - 1);
    seq > page * ENTRIES_PER_PAGE;
    seq -= 1
  ) {
    const text = params[entryParam(seq)];
    if (text !== undefined) entries.push(entryFrom(text, { tag, seq }));
  }
  return entries;
}

function entryFrom(text: string, { tag, seq }: { tag: string; seq: number }): LedgerEntry {
  const entry = LedgerEntry.safeParse(json(text));
  if (entry.success && entry.data.tag === tag && entry.data.seq === seq) return entry.data;
  throw failure(
    'RegistryConflict',
    `journal of ${tag}: entry ${String(seq)} is not one that was written here`,
    {
      details: { seq, actual: text.slice(0, 500) },
    },
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
