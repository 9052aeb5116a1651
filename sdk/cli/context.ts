import { Platform } from '../platform.js';

export interface GlobalOptions {
  json?: boolean;
  signerKeyFile?: string;
}

/** Where a command reads its connection from and writes its answer to. */
export interface Context {
  /** Runs a command's work on a connection that is closed afterwards. */
  withPlatform<T>(work: (platform: Platform) => Promise<T>): Promise<T>;
  /** The answer: JSON for programs, text for people. */
  answer(value: unknown, text: () => string): void;
  /** Progress for people; never part of the answer. */
  note(line: string): void;
  exitWith(code: number): void;
  readonly json: boolean;
}

export function processContext(options: () => GlobalOptions): Context {
  return {
    get json() {
      return options().json === true;
    },
    async withPlatform(work) {
      const { signerKeyFile: keyFile } = options();
      await using platform = await Platform.connect(
        keyFile === undefined ? {} : { signer: { keyFile } },
      );
      return await work(platform);
    },
    answer(value, text) {
      process.stdout.write(
        `${options().json === true ? JSON.stringify(value, null, 2) : text()}\n`,
      );
    },
    note(line) {
      process.stderr.write(`${line}\n`);
    },
    exitWith(code) {
      process.exitCode = code;
    },
  };
}
