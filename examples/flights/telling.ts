// One night: apply, retrain, follow. Notice that nothing here holds the rollout's hand: the platform gives the candidate its
// shares, judges them, watches the live model and takes it back; the program only says what happens.
import {
  SelfApprovalError,
  type Platform,
  type RetrainHandle,
  type RetrainResult,
  type RolloutResult,
  type RunStatus,
  type ShadowReport,
} from 'modelyard';
import { flightsToAsk } from './asked.ts';
import { definitionOf, type Night } from './nights.ts';

/** Who asks, and who may approve. */
export interface People {
  operations: Platform;
  owner: Platform;
}

export interface Told {
  night: Night;
  result: RetrainResult;
  /** The retrain's decision, or what became of its rollout by the end of the watch. */
  ending: RetrainResult['decision'];
  live: string | null;
}

export async function tell(people: People, night: Night): Promise<Told> {
  console.log(`\n${night.asOf}  ${night.story}`);
  const { tag } = await people.operations.models.apply(definitionOf(night));
  const run = await people.operations.retrain(tag, {
    asOf: new Date(night.asOf),
    reason: night.story,
    idempotencyKey: night.asOf,
  });
  await follow(people, run);
  const result = await run.result();
  if (result.shadow) tellShadow(result.shadow);
  console.log(`  ${result.decision}: ${result.reason}`);
  const watched = await watch(run);
  if (watched !== null) await ask(people.operations, tag);
  const { live } = await people.operations.status(tag);
  return { night, result, ending: watched?.outcome ?? result.decision, live };
}

/** Until the candidate is live, or will not be. */
async function follow(people: People, run: RetrainHandle): Promise<void> {
  let decided = false;
  let said: string | undefined;
  for await (const status of run.watch()) {
    if (status.waitingFor?.what === 'approval' && !decided) {
      decided = true;
      await decide(people, run);
    }
    const detail = detailOf(status, 'canary');
    if (detail !== said && detail !== undefined) console.log(`  canary: ${detail}`);
    said = detail;
  }
}

/** Whoever asked for the model is not the one to approve it. */
async function decide({ owner }: People, run: RetrainHandle): Promise<void> {
  await run.approve().catch((error: unknown) => {
    if (!(error instanceof SelfApprovalError)) throw error;
    console.log(`  approval refused: ${error.message}`);
  });
  const seen = await owner.runs.get(run.workflowId);
  if (!('approve' in seen)) throw new Error(`expected a run to approve, got ${seen.kind}`);
  await seen.approve({ comment: 'the airports publish that delay every hour' });
  console.log('  approved by the service owner');
}

async function watch(run: RetrainHandle): Promise<RolloutResult | null> {
  const rollout = await run.rollout();
  if (rollout === null) return null;
  const result = await rollout.result();
  const detail = detailOf(await rollout.status(), 'watch') ?? '';
  if (result.outcome === 'rolled-back') console.log(`  watch: rolled back, ${result.reason}`);
  if (result.outcome === 'promoted') console.log(`  watch: ${detail}`);
  return result;
}

function tellShadow({ verdict, requests, metrics }: ShadowReport): void {
  const told = ['disagreement_rate', 'score_mean_shift', 'score_psi'].map(
    (metric) => `${metric} ${metrics[metric]?.toFixed(3) ?? 'unknown'}`,
  );
  console.log(`  shadow: ${verdict}; ${String(requests.mirrored)} requests, ${told.join(', ')}`);
}

/** Callers name the tag; which model answers is the platform's business. */
async function ask(platform: Platform, tag: string): Promise<void> {
  const { predictions, modelId } = await platform.score(tag, flightsToAsk(0, 3));
  const late = predictions.map(
    (probability) => `${String(Math.round(Number(probability) * 100))} %`,
  );
  console.log(`  ${modelId} says: late with ${late.join(', ')}`);
}

const detailOf = ({ stages }: RunStatus, name: string): string | undefined =>
  stages.find((stage) => stage.name === name)?.detail;
