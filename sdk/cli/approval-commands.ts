import { InvalidArgumentError, type Command } from 'commander';
import type { Approvable } from '../types.js';
import { InvalidRequestError } from '../errors.js';
import type { Context } from './context.js';

interface Verb {
  name: keyof Approvable;
  description: string;
  done: string;
}

const VERBS: Verb[] = [
  {
    name: 'approve',
    description: 'let a candidate that waits for approval carry traffic; of a retrain: its rollout',
    done: 'approved',
  },
  {
    name: 'reject',
    description: 'end a candidate that waits for approval; one word is enough',
    done: 'rejected',
  },
  {
    name: 'withdraw',
    description: 'take an own approval back; a model that is live by it is rolled back',
    done: 'approval withdrawn',
  },
];

/** What a person says of a candidate, signed when a signer is set. */
export function addApprovalCommands(program: Command, context: Context): void {
  for (const { name, description, done } of VERBS) {
    const command = program.command(`${name} <runId>`).description(description);
    if (name === 'approve') command.option('--comment <text>', 'kept with it', comment);
    else command.requiredOption('--comment <text>', 'why; kept in the ledger', comment);
    command.action((runId: string, flags: { comment: string }) =>
      context.withPlatform(async (platform) => {
        const run = await platform.runs.get(runId);
        if (!('approve' in run)) throw notApprovable(runId);
        await run[name](flags);
        context.answer({ workflowId: runId }, () => `${runId}: ${done}`);
      }),
    );
  }
}

function comment(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected some words.');
  return text;
}

function notApprovable(runId: string): InvalidRequestError {
  const message = `expected a retrain or a rollout, got ${runId}`;
  return new InvalidRequestError(message, [{ path: 'runId', message }]);
}
