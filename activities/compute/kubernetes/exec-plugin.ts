import { type ExecFileException, execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { failure } from '../../../temporal/errors.js';
import { readable } from './api-error.js';

/** A user's `exec` in a kubeconfig: a program of the cloud that says who one is, for some minutes. */
export const Exec = z.object({
  apiVersion: z.string(),
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
});
export type Exec = z.infer<typeof Exec>;

const ExecCredential = z.object({
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().optional(),
    /** PEM. */
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});
export type PluginAnswer = z.infer<typeof ExecCredential>['status'];

/** Shorter than an activity's patience: a plugin that hangs must not hold a call for ever. */
const ANSWER_MS = 15_000;
const WORDS = 600;
/** Tokens of the clouds are long runs of these; names and hosts are not. */
const TOKEN = /[\w~+=-]{40,}/g;

/**
 * Asks the plugin once for many calls: until what it said expires, or is refused. The client's own way starts it once for
 * each call that waits, waits for it without an end, and does not tell it that nobody sits before it.
 */
export class ExecPlugin {
  readonly #exec: Exec;
  readonly #kubeconfig: string;
  readonly #answerMs: number;
  #answer: PluginAnswer | undefined;
  #asking: Promise<PluginAnswer> | undefined;

  constructor(exec: Exec, kubeconfig: string, answerMs = ANSWER_MS) {
    this.#exec = { ...exec, command: placeOf(exec.command, kubeconfig) };
    this.#kubeconfig = kubeconfig;
    this.#answerMs = answerMs;
  }

  /** Throws Misconfigured when its program is not there, and ComputeUnavailable with its words when it fails. */
  async answer(): Promise<PluginAnswer> {
    const { expirationTimestamp } = this.#answer ?? {};
    const expired = expirationTimestamp && Date.parse(expirationTimestamp) <= Date.now();
    if (this.#answer !== undefined && !expired) return this.#answer;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Of several calls that were refused with one answer, the first has the plugin asked again. */
  forget(refused: PluginAnswer): void {
    if (this.#answer === refused) this.#answer = undefined;
  }

  async #ask(): Promise<PluginAnswer> {
    const read = ExecCredential.safeParse(parsed(await this.#run()));
    if (!read.success) {
      const got = read.error.issues.map(({ path }) => path.join('.') || 'JSON').join(', ');
      throw this.#failed(`printed no ExecCredential (expected: ${got})`);
    }
    this.#answer = read.data.status;
    return this.#answer;
  }

  #run(): Promise<string> {
    const { apiVersion, command, args, env } = this.#exec;
    const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
    const variables = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    const options = {
      env: { ...process.env, ...variables, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      timeout: this.#answerMs,
      killSignal: 'SIGKILL',
    } as const;
    return new Promise((answered, refused) => {
      const child = execFile(command, args ?? [], options, (error, printed, complaint) => {
        if (error === null) answered(printed);
        else refused(this.#explained(error, complaint));
      });
      child.stdin?.on('error', () => undefined).end();
    });
  }

  #explained(error: ExecFileException, complaint: string): Error {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return this.#notInstalled();
    if (error.killed === true)
      return this.#failed(`did not answer in ${String(this.#answerMs / 1000)} s`);
    const how = error.signal ? `was ended by ${error.signal}` : `exited ${String(error.code)}`;
    // The last words of a traceback are the ones that say what is wrong.
    const words = complaint.replaceAll(TOKEN, '(token)').trim().slice(-WORDS);
    return this.#failed(`${how}: ${readable(words) || 'it said nothing'}`);
  }

  #notInstalled(): Error {
    return failure(
      'Misconfigured',
      `compute.targets: the credential plugin '${this.#exec.command}', which kubeconfig ${this.#kubeconfig} asks, is not there ` +
        `or is no program; install it where the worker runs, in a folder of its PATH`,
    );
  }

  /** Its network or its cloud may be away for a while. */
  #failed(how: string): Error {
    return failure(
      'ComputeUnavailable',
      `the credential plugin '${this.#exec.command}' of kubeconfig ${this.#kubeconfig} ${how}; ` +
        `\`kubectl --kubeconfig ${this.#kubeconfig} auth whoami\` where the worker runs shows the same`,
    );
  }
}

/** As kubectl reads it: what has a slash is a file, relative to the kubeconfig; else it is looked for. */
const placeOf = (command: string, kubeconfig: string): string =>
  command.includes('/') ? resolve(dirname(kubeconfig), command) : command;

/** What is wrong with it is not said: the parser's words would have a piece of it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
