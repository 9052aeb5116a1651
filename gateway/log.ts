/** Writes one line of JSON about an event of the process to its standard error. */
export type Log = (event: string, fields?: Record<string, unknown>) => void;

export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
};

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
