import type { EvaluationReport } from '../temporal/contracts/evaluation.js';
import type { GatePolicy } from '../temporal/contracts/gate.js';
import { ModelTag } from '../temporal/contracts/scalars.js';
import { z } from 'zod';
import { LedgerArguments, parseTag, tagOrEvery, VerifyArguments } from './arguments.js';
import { demote, retire, rollback, setQuarantine } from './changes.js';
import { evaluate } from './evaluate.js';
import { freeze, unfreeze } from './freeze.js';
import { parseArguments } from './issues.js';
import type { ChainCheck } from './ledger-chain.js';
import { toSignedHead } from './ledger-audit.js';
import { ledgerEntries, liveAt, signedHead, verifyLedger } from './ledger.js';
import { Models } from './models.js';
import { resolveOptions, type PlatformOptions } from './options.js';
import { promote } from './promote.js';
import { toLedgerEntry } from './records.js';
import { reconcile } from './reconcile.js';
import { retrain } from './retrain.js';
import { Runs } from './runs.js';
import { Schedules } from './schedules.js';
import { score } from './score.js';
import { openSession, type Session } from './session.js';
import { shadow } from './shadow.js';
import { ShadowPools } from './shadow-pools.js';
import { simulate } from './simulate.js';
import { isDefined } from './tag-entity.js';
import { tagStatus } from './tag-status.js';
import type {
  ChangeOptions,
  DemoteOptions,
  EvaluateOptions,
  FreezeOptions,
  LedgerEntry,
  LedgerHead,
  PromoteOptions,
  ReconcileOptions,
  ReconcileReport,
  RetrainHandle,
  RetrainOptions,
  RollbackOptions,
  RolloutHandle,
  RunHandle,
  ScoreInput,
  ScoreOutput,
  ShadowHandle,
  ShadowOptions,
  SimulationReport,
  TagOrEvery,
  TagStatus,
  VerifyOptions,
} from './types.js';

const DEFAULT_LEDGER_LIMIT = 100;

/** Everything a program can ask of Modelyard. Every promise rejects with a ModelyardError. */
export class Platform {
  readonly models: Models;
  readonly runs: Runs;
  readonly schedules: Schedules;
  readonly shadowPools: ShadowPools;
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
    this.models = new Models(session);
    this.runs = new Runs(session);
    this.schedules = new Schedules(session);
    this.shadowPools = new ShadowPools(session);
  }

  /** Resolves each setting as option > environment variable > default; ConfigError names both ways to set it. */
  static async connect(options: PlatformOptions = {}): Promise<Platform> {
    return new Platform(await openSession(resolveOptions(options)));
  }

  /** Trains, evaluates against the live model on the same holdout, gates, and promotes when the definition says so. */
  retrain(tag: ModelTag, options?: RetrainOptions): Promise<RetrainHandle> {
    return retrain(this.#session, tag, options);
  }

  /** Scores one registered model on a holdout: the definition's, or a later one when labels arrived late. */
  evaluate(modelId: string, options?: EvaluateOptions): Promise<RunHandle<EvaluationReport>> {
    return evaluate(this.#session, modelId, options);
  }

  /** Rolls a registered model out. Without a passed gate against the current live model it needs `override`. */
  promote(tag: ModelTag, version: number, options: PromoteOptions): Promise<RolloutHandle> {
    return promote(this.#session, tag, version, options);
  }

  /** Takes the live model out of service: traffic goes to the previous one, or to none. */
  demote(tag: ModelTag, options: DemoteOptions): Promise<LedgerEntry> {
    return demote(this.#session, tag, options);
  }

  /** Takes traffic off a bad model at once: no gate, no canary, works while the registry is down. */
  rollback(tag: ModelTag, options: RollbackOptions): Promise<LedgerEntry> {
    return rollback(this.#session, tag, options);
  }

  /** Keeps a version from being promoted or rolled back to, until released. */
  quarantine(tag: ModelTag, version: number, options: ChangeOptions): Promise<LedgerEntry> {
    return setQuarantine(this.#session, 'quarantine', { tag, version, options });
  }

  release(tag: ModelTag, version: number, options: ChangeOptions): Promise<LedgerEntry> {
    return setQuarantine(this.#session, 'release', { tag, version, options });
  }

  /** Stops promotions of a tag, or of every tag with '*', now and for those to come; rollback and demote go on. */
  freeze(tag: TagOrEvery, options: FreezeOptions): Promise<LedgerEntry> {
    return freeze(this.#session, tag, options);
  }

  /** Lifts a tag's own freeze, or with '*' that of every tag. */
  unfreeze(tag: TagOrEvery, options: ChangeOptions): Promise<LedgerEntry> {
    return unfreeze(this.#session, tag, options);
  }

  /** Stops serving and takes the schedule, the hosts and the aliases away; `models.apply` revives the tag. */
  retire(tag: ModelTag, options: ChangeOptions): Promise<LedgerEntry> {
    return retire(this.#session, tag, options);
  }

  /** Mirrors live traffic to a candidate for a window on booked capacity, then puts the route back exactly as it was. */
  shadow(tag: ModelTag, version: number, options: ShadowOptions): Promise<ShadowHandle> {
    return shadow(this.#session, tag, version, options);
  }

  async status(tag: ModelTag): Promise<TagStatus> {
    return tagStatus(this.#session, parseTag('status', tag));
  }

  /** Newest first, complete: recent entries from the workflow of the tag, or with '*' of the platform, older ones from the journal. */
  async ledger(
    tag: TagOrEvery,
    options: { limit?: number; before?: number } = {},
  ): Promise<LedgerEntry[]> {
    const parsed = parseArguments(
      'ledger',
      { tag: tagOrEvery(tag), options: LedgerArguments },
      { tag, options },
    );
    const { limit = DEFAULT_LEDGER_LIMIT, before } = parsed.options;
    const range = { limit, ...(before !== undefined && { before }) };
    return (await ledgerEntries(this.#session, parsed.tag, range)).map(toLedgerEntry);
  }

  /** Compares route, aliases, hosts and open work with what the tags mean, puts right what differs, and removes orphans. */
  reconcile(tag?: ModelTag, options?: ReconcileOptions): Promise<ReconcileReport> {
    return reconcile(this.#session, tag, options);
  }

  /** For an auditor to keep elsewhere and check against later; signed when the platform has a key for it. */
  async ledgerHead(tag: ModelTag): Promise<LedgerHead> {
    return signedHead(this.#session, parseTag('ledgerHead', tag));
  }

  /** Which model was live at an instant, and by which entry. */
  async liveAt(
    tag: ModelTag,
    at: Date,
  ): Promise<{ live: string | null; entry: LedgerEntry | null }> {
    const parsed = parseArguments('liveAt', { tag: ModelTag, at: z.date() }, { tag, at });
    return liveAt(this.#session, parsed.tag, parsed.at);
  }

  /** Recomputes the hash chain, and leads it through a head that was kept; names the first entry that does not hold. */
  async verify(tag: TagOrEvery, options: VerifyOptions = {}): Promise<ChainCheck> {
    const parsed = parseArguments(
      'verify',
      { tag: tagOrEvery(tag), options: VerifyArguments },
      { tag, options },
    );
    const { head, publicKey = null } = parsed.options;
    const kept = head ? { head: toSignedHead(head), publicKey } : null;
    return verifyLedger(this.#session, parsed.tag, kept);
  }

  /** Scores through the gateway: "score for tag X". */
  score(
    tag: ModelTag,
    input: ScoreInput,
    options: { signal?: AbortSignal } = {},
  ): Promise<ScoreOutput> {
    return score(this.#session.options, {
      tag,
      input,
      signal: options.signal,
      isDefined: (asked) => isDefined(this.#session, asked),
    });
  }

  /** Judges a gate policy, or the definition's own, on recorded evidence without touching anything. */
  simulate(
    tag: ModelTag,
    policy?: GatePolicy,
    options: { since?: Date } = {},
  ): Promise<SimulationReport> {
    return simulate(this.#session, tag, policy, options);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
