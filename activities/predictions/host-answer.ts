export interface HostAnswer {
  status: number;
  /** What JSON the host answered, or its text when it was none. */
  body: unknown;
}

/** It may quote what callers sent, and this line is kept in the history of a run. */
const QUOTED = 200;

/** An answer in one line, for people. */
export function said({ status, body }: HostAnswer): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `status ${String(status)}: ${text.slice(0, QUOTED)}`;
}
