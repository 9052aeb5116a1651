/** What a measurement is given by `run.ts`. */
export interface Context {
  /** For its own state; exists, and is the measurement's alone. */
  directory: string;
  /** Says what goes on, beside the document on standard output. */
  say: (line: string) => void;
}

export type Measurement = (context: Context) => Promise<object>;
