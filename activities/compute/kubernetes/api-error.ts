import { z } from 'zod';

const Status = z.object({
  reason: z.string().default(''),
  message: z.string().default(''),
  details: z
    .object({
      kind: z.string().default(''),
      causes: z.array(z.object({ reason: z.string().default('') })).default([]),
    })
    .prefault({}),
});

/** The apiserver's refusal. Holds no header: one of them is the caller's token. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, …; '' when it does not say. */
  readonly reason: string;
  /** What the refusal is about, in the plural: `jobs`, `namespaces`. */
  readonly kind: string;
  readonly causes: readonly string[];
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: string, retryAfter: string | undefined) {
    const { reason, message, details } = readStatus(body);
    super(readable(message) || `HTTP ${String(status)}`);
    this.status = status;
    this.reason = reason;
    this.kind = details.kind;
    this.causes = details.causes.map((cause) => cause.reason);
    this.retryAfterMs = readRetryAfter(retryAfter);
  }
}

/** Nothing came back, or nothing that could be read. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(cause: unknown) {
    super(readable(saidBy(cause)), { cause });
  }
}

const MESSAGE_CHARACTERS = 1000;

/** Fit for a history: short, and without anything that could be a token. */
export function readable(message: string): string {
  return message
    .replaceAll(/\b(?:bearer|basic)\s+[\w.~+/=-]+/gi, '(credentials)')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '(token)')
    .slice(0, MESSAGE_CHARACTERS);
}

function readStatus(body: string): z.infer<typeof Status> {
  try {
    return Status.parse(JSON.parse(body));
  } catch {
    return Status.parse({ message: body.slice(0, MESSAGE_CHARACTERS) });
  }
}

/** In seconds or as a date. */
function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** undici says "fetch failed" and the like; what failed stands in the cause. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const inner = error.cause instanceof Error ? `: ${saidBy(error.cause)}` : '';
  return `${error.message || code}${inner}`;
}
