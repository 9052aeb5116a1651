import type { PredictionRecord, ShadowAnswer } from '../../temporal/contracts/predictions.js';
import type { CopyOutcome } from '../mirror/copy.js';
import type { Scored } from '../scoring/observe.js';
import { loggedBody, type LoggedBody } from './body.js';

/** A record before it is a line: bodies are unparsed, and 'cut' when they are larger than the log takes. */
export interface Entry {
  at: string;
  tag: string;
  modelId: string;
  requestId: string;
  ms: number;
  isCsv: boolean;
  input: Buffer | 'cut';
  output: Buffer | 'cut';
  shadow: (Omit<CopyOutcome, 'reply'> & { modelId: string; output: Buffer | 'cut' | null }) | null;
}

/** Of an entry without its bodies, in memory. */
const ENTRY_BYTES = 512;

export function entryOf(scored: Scored, at: string, bodyBytes: number): Entry {
  const { tag, modelId, requestId, ms, headers, input, output } = scored;
  return {
    at,
    tag,
    modelId,
    requestId,
    ms,
    isCsv: headers['content-type']?.trimStart().toLowerCase().startsWith('text/csv') ?? false,
    input: within(input, bodyBytes),
    output: within(output, bodyBytes),
    shadow: null,
  };
}

export function withShadow(
  entry: Entry,
  { modelId, outcome, bodyBytes }: { modelId: string; outcome: CopyOutcome; bodyBytes: number },
): Entry {
  const { reply, ...rest } = outcome;
  return { ...entry, shadow: { ...rest, modelId, output: reply && within(reply, bodyBytes) } };
}

export function bytesOf({ input, output, shadow }: Entry): number {
  return ENTRY_BYTES + lengthOf(input) + lengthOf(output) + lengthOf(shadow?.output ?? null);
}

/** The line of an entry. The log is searched by `at` without parsing, so that stands first. */
export function lineOf(entry: Entry, redact: ReadonlySet<string>): string {
  const input = bodyOf(entry.input, { kind: entry.isCsv ? 'csv input' : 'json input', redact });
  const output = bodyOf(entry.output, { kind: 'output', redact });
  const shadow = entry.shadow && shadowOf(entry.shadow, redact);
  const { at, tag, modelId, requestId, ms } = entry;
  const record: PredictionRecord = {
    ...{ at, tag, modelId, requestId, status: 200, ms: rounded(ms) },
    input: valueOf(input),
    output: valueOf(output),
    ...((input === 'cut' || output === 'cut' || shadow?.cut === true) && { cut: true }),
    ...(input !== 'cut' && input.isRedacted && { redacted: true }),
    ...(shadow && { shadow: shadow.answer }),
  };
  return `${JSON.stringify(record)}\n`;
}

function shadowOf(
  { modelId, state, ms, status, output, cause }: NonNullable<Entry['shadow']>,
  redact: ReadonlySet<string>,
): { answer: ShadowAnswer; cut: boolean } {
  // A host that refuses a body may quote its values in words of its own.
  const mayQuote = status !== 200 && redact.size > 0;
  const said =
    output === null || mayQuote ? { value: null } : bodyOf(output, { kind: 'output', redact });
  const answer = {
    ...{ modelId, state, ms: ms === null ? null : rounded(ms), status, cause },
    output: valueOf(said),
  };
  return { answer, cut: said === 'cut' };
}

function bodyOf(body: Buffer | 'cut', how: Parameters<typeof loggedBody>[1]): LoggedBody {
  return body === 'cut' ? 'cut' : loggedBody(body, how);
}

function within(body: Buffer, bytes: number): Buffer | 'cut' {
  return body.length > bytes ? 'cut' : body;
}

const lengthOf = (body: Buffer | 'cut' | null): number =>
  body === 'cut' ? 0 : (body?.length ?? 0);

const valueOf = (body: LoggedBody): unknown => (body === 'cut' ? null : body.value);

/** To a microsecond. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;
