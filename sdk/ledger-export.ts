import { readFile, writeFile } from 'node:fs/promises';
import { LedgerEntry as LedgerRecord } from '../temporal/contracts/ledger.js';
import { SignedLedgerHead } from '../temporal/contracts/statement.js';
import { InvalidRequestError } from './errors.js';
import { check, listIssues } from './issues.js';
import { toSignedHead, verifyKept } from './ledger-audit.js';
import type { ChainCheck } from './ledger-chain.js';
import type { LedgerEntry, LedgerHead } from './types.js';

// A ledger in a file: one entry per line as JSON, oldest first. A head in a file: its five fields as JSON.

export async function writeLedger(file: string, oldestFirst: LedgerEntry[]): Promise<void> {
  await writeFile(file, oldestFirst.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

export async function writeHead(file: string, head: LedgerHead): Promise<void> {
  await writeFile(file, `${JSON.stringify(toSignedHead(head))}\n`);
}

export async function readHead(file: string): Promise<LedgerHead> {
  const head = valid(SignedLedgerHead, parsed(await contentOf(file), file), file);
  return { ...head, at: new Date(head.at) };
}

/** Checks an exported ledger against a head that was kept; asks nobody. InvalidRequestError names a file that is none. */
export async function verifyFiles(files: {
  ledger: string;
  head: string;
  publicKey: string;
}): Promise<ChainCheck> {
  const [ledger, head, publicKey] = await Promise.all([
    contentOf(files.ledger),
    readHead(files.head),
    contentOf(files.publicKey),
  ]);
  return verifyKept(entriesIn(ledger, files.ledger), { head: toSignedHead(head), publicKey });
}

/** As they were written, with whatever a later release may add to an entry: the hash covers it. */
function entriesIn(text: string, file: string): LedgerRecord[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const where = `${file}, line ${String(index + 1)}`;
    const entry = parsed(line, where);
    valid(LedgerRecord, entry, where);
    return entry as LedgerRecord;
  });
}

export async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw refused(file, `expected a file that can be read, got ${code}`, error);
  }
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw refused(where, `expected JSON: ${error instanceof Error ? error.message : ''}`, error);
  }
}

function valid<T>(schema: Parameters<typeof check<T>>[0], value: unknown, where: string): T {
  const outcome = check(schema, value);
  if ('value' in outcome) return outcome.value;
  throw new InvalidRequestError(listIssues(where, outcome.issues), outcome.issues);
}

function refused(where: string, message: string, cause: unknown): InvalidRequestError {
  return new InvalidRequestError(`${where}: ${message}`, [{ path: '', message }], { cause });
}
