import { ApplicationFailure } from '@temporalio/common';
import { createLedgerSigner } from '../../../activities/approvals/ledger-key.js';
import { createApprovers } from '../../../activities/approvals/listed-keys.js';
import { applicationFailure } from '../../../temporal/errors.js';
import type { Predictions } from '../../../activities/predictions/port.js';
import type { Ports } from '../../../workers/compose.js';

interface FailureInfo {
  type: string;
  message: string;
  nonRetryable: boolean;
  details: unknown[];
}

export type Answered = { result: unknown } | { failed: FailureInfo };

/** The ports that another process serves at `url`. */
export function remotePorts(url: string): Ports {
  return {
    approvers: createApprovers([]),
    ledgerSigner: createLedgerSigner(null),
    artifacts: remote(url, 'artifacts'),
    compute: remote(url, 'compute'),
    hosting: remote(url, 'hosting'),
    monitoring: remote(url, 'monitoring'),
    predictions: remotePredictions(url),
    registry: remote(url, 'registry'),
    routing: remote(url, 'routing'),
  };
}

/** A stream goes over the wire as one text. */
function remotePredictions(url: string): Predictions {
  return {
    ...remoteMethods(url),
    async *read(...args) {
      yield Buffer.from((await call(`${url}/predictions/read`, args)) as string);
    },
  };
}

function remoteMethods(url: string): Pick<Predictions, 'last' | 'invoke'> {
  const predictions = remote(url, 'predictions');
  return {
    last: (tag, count) => predictions.last(tag, count),
    invoke: (host, body) => predictions.invoke(host, body),
  };
}

function remote<Name extends keyof Ports>(url: string, name: Name): Ports[Name] {
  return new Proxy({} as Ports[Name], {
    get:
      (_, method) =>
      (...args: unknown[]) =>
        call(`${url}/${name}/${String(method)}`, args),
  });
}

/** Says where this process is, and ends it by SIGKILL when it is told to. */
export async function pass(url: string, place: string): Promise<void> {
  if ((await call(`${url}/passing`, [place])) === 'go') return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => undefined);
}

async function call(url: string, args: unknown[]): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(args) });
  const answered = (await response.json()) as Answered;
  if ('failed' in answered) throw ApplicationFailure.create(answered.failed);
  return answered.result;
}

export function failureInfo(error: unknown): Answered {
  const { type, message, nonRetryable, details } = applicationFailure(error) ?? {};
  return {
    failed: {
      type: type ?? 'Error',
      message: message ?? String(error),
      nonRetryable: nonRetryable ?? false,
      details: details ?? [],
    },
  };
}
