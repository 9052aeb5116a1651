import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface HostReply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Exchange {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
  /** From now to the last byte of the reply, waiting for a connection included. */
  timeoutMs: number;
  replyLimitBytes: number;
  /** Aborts when the caller has gone. */
  gone: AbortSignal;
}

export type ExchangeFailure =
  'unreachable' | 'broken-off' | 'timeout' | 'reply-too-large' | 'caller-gone';

/** Why there is no whole reply. 'unreachable': it ended before a single byte of a reply, so another try is safe. */
export class ExchangeError extends Error {
  readonly reason: ExchangeFailure;

  constructor(reason: ExchangeFailure, message: string) {
    super(message);
    this.name = 'ExchangeError';
    this.reason = reason;
  }
}

/** Sends one request to a model server and collects its reply, by undici's dispatch: streams and fetch cost several times more. */
export function exchange(pool: Dispatcher, ask: Exchange): Promise<HostReply> {
  return new Promise((resolve, reject) => {
    const handler = new ReplyCollector(ask, { resolve, reject });
    const { path, headers, body } = ask;
    // The collector's timer covers the whole exchange, so undici's own ones are off.
    pool.dispatch(
      { method: 'POST', path, headers, body, headersTimeout: 0, bodyTimeout: 0 },
      handler,
    );
  });
}

interface Settle {
  resolve: (reply: HostReply) => void;
  reject: (error: ExchangeError) => void;
}

class ReplyCollector implements Dispatcher.DispatchHandler {
  readonly #ask: Exchange;
  readonly #settle: Settle;
  readonly #timer: NodeJS.Timeout;
  readonly #onGone = (): void => {
    this.#fail(new ExchangeError('caller-gone', 'the caller closed its connection'));
  };
  #controller: Dispatcher.DispatchController | undefined;
  #failed: ExchangeError | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(ask: Exchange, settle: Settle) {
    this.#ask = ask;
    this.#settle = settle;
    this.#timer = setTimeout(() => {
      this.#fail(
        new ExchangeError('timeout', `no whole answer within ${String(ask.timeoutMs)} ms`),
      );
    }, ask.timeoutMs);
    ask.gone.addEventListener('abort', this.#onGone, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It may have waited for a connection beyond its time.
    if (this.#failed) controller.abort(this.#failed);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#ask.replyLimitBytes) {
      this.#fail(
        new ExchangeError(
          'reply-too-large',
          `the reply is larger than ${String(this.#ask.replyLimitBytes)} bytes`,
        ),
      );
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish();
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#settle.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(new ExchangeError(this.#status === 0 ? 'unreachable' : 'broken-off', error.message));
  }

  #fail(error: ExchangeError): void {
    if (this.#failed) return;
    this.#failed = error;
    this.#finish();
    this.#settle.reject(error);
    this.#controller?.abort(error);
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#ask.gone.removeEventListener('abort', this.#onGone);
  }
}
