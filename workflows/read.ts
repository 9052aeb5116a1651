import type { EvaluationEvidence } from '../temporal/contracts/evaluation.js';
import type { GatePolicy } from '../temporal/contracts/gate.js';
import type { Examined } from '../temporal/contracts/job.js';
import type { LedgerEntry } from '../temporal/contracts/ledger.js';
import type { RegisteredModel } from '../temporal/contracts/model.js';
import type { ReadRequest, RecordedEvidence, Simulation } from '../temporal/contracts/runs.js';
import type { SignedLedgerHead } from '../temporal/contracts/statement.js';
import { requireText } from './failing.js';
import { simulate } from './policy/simulate.js';
import { examination, settings, reads } from './proxies.js';

type Answer =
  | Examined[]
  | LedgerEntry[]
  | RecordedEvidence[]
  | RegisteredModel
  | Simulation
  | SignedLedgerHead
  | { required: boolean };

/** Looks something up where the worker can: the SDK holds no client and no secret of a vendor. */
export async function read(request: ReadRequest): Promise<Answer> {
  requireText(request, 'what');
  switch (request.what) {
    case 'ledger':
      return reads.readJournal(request);
    case 'model':
      return reads.resolveModel(request);
    case 'evidence':
      return reads.readEvidence({ tag: request.tag, since: request.since ?? null });
    case 'simulate':
      return simulateFor(request);
    case 'head':
      return signedHead(request.tag);
    case 'signatures':
      return { required: await settings.signaturesRequired() };
    case 'compute':
      return examination.examineCompute();
  }
}

/** Signs what the tag says of itself and nothing that a caller names. */
async function signedHead(tag: string): Promise<SignedLedgerHead> {
  const head = { tag, ...(await reads.ledgerHead(tag)) };
  return { ...head, signature: await settings.signLedgerHead(head) };
}

async function simulateFor(
  request: Extract<ReadRequest, { what: 'simulate' }>,
): Promise<Simulation> {
  const recorded = await reads.readEvidence({ tag: request.tag, since: request.since ?? null });
  const policy: GatePolicy = request.policy ?? (await reads.admit(request.tag)).definition.gate;
  return simulate(policy, recorded as (RecordedEvidence & { evidence: EvaluationEvidence })[]);
}
