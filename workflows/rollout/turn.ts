import {
  CancellationScope,
  condition,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { RegisteredModel } from '../../temporal/contracts/model.js';
import type { BeginRolloutCommand, RolloutGrant } from '../../temporal/contracts/tag.js';
import { isFailure } from '../../temporal/errors.js';
import { turn } from '../../temporal/messages.js';
import { REGISTRY_TAGS } from '../../temporal/names.js';
import { tags } from '../proxies.js';
import { judgeAgain } from '../rejudging.js';
import type { Ending } from './canary.js';
import type { Granted, Holder } from './holder.js';

/** A lost "your turn" costs at most this, and more after days of waiting, so that asking does not fill the history. */
const ASK_AGAIN_MS = { first: 60_000, longest: 3_600_000 };
/** A candidate whose incumbent keeps changing is judged this often again, then it has been overtaken. */
const MOST_JUDGEMENTS = 2;

/** The candidate's way to the tag's lease. */
export class Turn {
  private turnOf: number | null = null;
  private pauseMs = ASK_AGAIN_MS.first;
  private readonly holder: Holder;
  private expectedLive: number | null | undefined;
  private judgedUnder: string | undefined;

  constructor(holder: Holder) {
    this.holder = holder;
    const { expectedLive, retrain } = holder.request;
    this.expectedLive = expectedLive === undefined ? retrain?.incumbent : expectedLive;
    this.judgedUnder = retrain?.judgedUnder;
    setHandler(turn, ({ ticket }) => {
      this.turnOf = ticket;
    });
  }

  /** The lease, or what the candidate came to because it will not get one. */
  async awaited(model: RegisteredModel): Promise<Granted | Ending> {
    let ticket: number | undefined;
    for (let judged = 0; ;) {
      try {
        const answer = await this.ask(this.beginCommand(model, ticket));
        if (answer.state === 'granted') return this.take(answer);
        ticket = answer.ticket;
        await this.waitForTurn(ticket);
      } catch (error) {
        if (isFailure(error, 'RegistryUnavailable')) {
          await sleep(this.pause(), {
            summary: 'until the registry is asked about the gate again',
          });
          continue;
        }
        if (!isFailure(error, 'LiveChanged') || !this.mayBeJudgedAgain()) throw error;
        judged += 1;
        const overtaken =
          judged > MOST_JUDGEMENTS
            ? 'the live model kept changing'
            : await this.judgeAgain(model, judged);
        if (overtaken !== null) return { outcome: 'superseded', reason: overtaken };
      }
    }
  }

  /** Waited for also by a run that is cancelled: a lease that was granted must be given back. */
  private ask(command: BeginRolloutCommand): Promise<RolloutGrant> {
    return CancellationScope.nonCancellable(() =>
      tags.askForTurn(this.holder.request.tag, command),
    );
  }

  private take(granted: Granted): Granted {
    this.holder.take(granted);
    return granted;
  }

  private async waitForTurn(ticket: number): Promise<void> {
    const { stages } = this.holder;
    stages.wait('turn', { what: 'turn' });
    await condition(() => this.turnOf === ticket, this.pause());
    this.turnOf = null;
    stages.resume('turn');
  }

  /** Longer each time. */
  private pause(): number {
    const pauseMs = this.pauseMs;
    this.pauseMs = Math.min(ASK_AGAIN_MS.longest, pauseMs * 2);
    return pauseMs;
  }

  /** A person's promote was about the model that was live then; a retrain's candidate is about being the best. */
  private mayBeJudgedAgain(): boolean {
    const { retrain, requested } = this.holder.request;
    return retrain !== undefined && requested === undefined;
  }

  /** Null when the candidate is better than what is live now, too; else why it is not. */
  private async judgeAgain(model: RegisteredModel, round: number): Promise<string | null> {
    const { request, workflowId, stages } = this.holder;
    const judged = await judgeAgain({
      tag: request.tag,
      model,
      registryRunId: request.retrain?.registryRunId ?? '',
      workflowId,
      effectKey: `${workflowId}/judged-${String(round)}/${workflowInfo().runId}`,
    });
    this.expectedLive = judged.incumbent;
    this.judgedUnder = judged.judgedUnder;
    stages.detail('turn', judged.reason);
    return judged.standing ? null : judged.reason;
  }

  private beginCommand(model: RegisteredModel, ticket: number | undefined): BeginRolloutCommand {
    const { tags: _, gate: __, files: ___, tag: ____, ...record } = model;
    const { retrain, override, requested, signed, breakGlass, actor } = this.holder.request;
    const requester = model.tags[REGISTRY_TAGS.requestedBy];
    const requesters = retrain?.requesters ?? (requester ? [actor, requester] : undefined);
    return {
      asked: this.holder.asked('turn'),
      model: record,
      warrant:
        override !== undefined
          ? { kind: 'override', why: override }
          : { kind: 'gate', registryRunId: retrain?.registryRunId ?? model.registryRunId },
      ...(this.expectedLive !== undefined && { expectedLive: this.expectedLive }),
      ...(this.judgedUnder !== undefined && { judgedUnder: this.judgedUnder }),
      ...(requesters && { requesters }),
      ...(requested && { requested }),
      ...(signed && { signed }),
      ...(breakGlass && { breakGlass }),
      ...(ticket !== undefined && { ticket }),
    };
  }
}
