import type { ModelRecord, RegisteredModel } from '../../../temporal/contracts/model.js';
import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import { failure } from '../../../temporal/errors.js';
import { REGISTRY_TAGS } from '../../../temporal/names.js';
import type {
  Aliases,
  MetricPoint,
  MetricQuestion,
  OpenedRun,
  OpenRun,
  Projection,
  Registration,
  Registry,
  RunOpening,
} from '../../../activities/registry/port.js';

const NO_ALIASES: Aliases = { champion: null, previous: null, challenger: null };

interface LoggedMetric extends MetricPoint {
  runId: string;
  name: string;
}

export interface RecordedRun {
  opening: RunOpening;
  tags: Record<string, string>;
  artifacts: Record<string, unknown>;
  status: string | null;
  endedAt?: string;
  /** What was written on it, artifacts by their path and its end as 'end': each content once, however often it was written. */
  written: Map<string, Set<string>>;
}

/** A registry in memory. `fault` may delay a call or fail it, before it has any effect. */
export class MemoryRegistry implements Registry {
  readonly runs = new Map<string, RecordedRun>();
  readonly journals = new Map<string, LedgerEntry[]>();
  readonly projections = new Map<string, Projection>();
  /** Aliases and statuses as they stand, by tag. */
  private readonly shown = new Map<string, Aliases>();
  private readonly marks = new Map<string, Record<string, string>>();
  fault: (method: string, tag: string) => unknown = () => undefined;
  private readonly metrics: LoggedMetric[] = [];
  private readonly versions = new Map<string, RegisteredModel[]>();

  /** A version that was registered before the test began. */
  add(tag: string, model: ModelRecord): void {
    const registered = { ...model, tag, files: [], tags: {}, gate: null };
    this.versions.set(tag, [...this.versionsOf(tag), registered]);
  }

  versionsOf(tag: string): RegisteredModel[] {
    return this.versions.get(tag) ?? [];
  }

  runsOf(tag: string): RecordedRun[] {
    return [...this.runs.values()].filter(({ opening }) => opening.tag === tag);
  }

  async ensureModel(tag: string): Promise<{ experimentId: string }> {
    await this.fault('ensureModel', tag);
    return { experimentId: `experiment-${tag}` };
  }

  async openRun(opening: RunOpening): Promise<OpenedRun> {
    await this.fault('openRun', opening.tag);
    const runId = `run-${opening.key}`;
    const { tags, artifacts } = opening;
    const fresh = {
      opening,
      tags,
      artifacts,
      status: null,
      written: new Map<string, Set<string>>(),
    };
    if (!this.runs.has(runId)) this.runs.set(runId, fresh);
    return { runId, experimentId: `experiment-${opening.tag}` };
  }

  async record(
    runId: string,
    { tags, artifacts }: Parameters<Registry['record']>[1],
  ): Promise<void> {
    const run = this.runs.get(runId);
    await this.fault('record', run?.opening.tag ?? '');
    if (!run) return;
    run.tags = { ...run.tags, ...tags };
    run.artifacts = { ...run.artifacts, ...artifacts };
    for (const [path, content] of Object.entries(artifacts ?? {})) note(run, path, content);
  }

  async closeRun(runId: string, end: Parameters<Registry['closeRun']>[1]): Promise<void> {
    const run = this.runs.get(runId);
    await this.fault('closeRun', run?.opening.tag ?? '');
    if (!run) return;
    note(run, 'end', end);
    run.status = end.status;
    run.endedAt = end.at;
    run.tags = { ...run.tags, ...end.tags };
  }

  async registerVersion({
    key,
    tag,
    runId,
    result,
    tags,
  }: Registration): Promise<{ version: number }> {
    await this.fault('registerVersion', tag);
    const known = this.versionsOf(tag).find((model) => model.tags['key'] === key);
    if (known) return { version: known.version };
    const version = this.versionsOf(tag).length + 1;
    const { uri, digest, files } = result.model;
    const registered = {
      ...{ version, digest, uri, files, tag, registryRunId: runId },
      task: (tags[REGISTRY_TAGS.task] ?? 'custom') as RegisteredModel['task'],
      ...{ features: result.features, trainedOn: result.trainedOn, serving: null, gate: null },
      tags: { ...tags, key },
    };
    this.versions.set(tag, [...this.versionsOf(tag), registered]);
    return { version };
  }

  async annotateVersion(tag: string): Promise<void> {
    await this.fault('annotateVersion', tag);
  }

  async resolve(tag: string, version: number): Promise<RegisteredModel> {
    await this.fault('resolve', tag);
    const model = this.versionsOf(tag).find((known) => known.version === version);
    if (!model) throw failure('UnknownModel', `${tag} has no version ${String(version)}`);
    return model;
  }

  async journal(entries: LedgerEntry[]): Promise<void> {
    const tag = entries[0]?.tag ?? '';
    await this.fault('journal', tag);
    const written = this.journals.get(tag) ?? [];
    for (const entry of entries) {
      const there = written.find(({ seq }) => seq === entry.seq);
      if (there && there.hash !== entry.hash)
        throw failure('RegistryConflict', `entry ${String(entry.seq)} is there with other content`);
      if (!there) written.push(entry);
    }
    this.journals.set(tag, written);
  }

  readJournal(tag: string, before: number, limit: number): Promise<LedgerEntry[]> {
    const entries = (this.journals.get(tag) ?? []).filter(({ seq }) => seq < before);
    return Promise.resolve(entries.slice(-limit).reverse());
  }

  async project(projection: Projection): Promise<void> {
    await this.fault('project', projection.tag);
    this.projections.set(projection.tag, projection);
    this.shown.set(projection.tag, { ...projection.aliases });
    this.marks.set(projection.tag, { ...this.marks.get(projection.tag), ...projection.statuses });
  }

  /** What somebody does past the platform. */
  moveAlias(tag: string, alias: keyof Aliases, version: number | null): void {
    this.shown.set(tag, { ...(this.shown.get(tag) ?? NO_ALIASES), [alias]: version });
  }

  async aliases(tag: string): Promise<Aliases> {
    await this.fault('aliases', tag);
    return this.shown.get(tag) ?? NO_ALIASES;
  }

  statuses(tag: string): Promise<Record<string, string>> {
    const marks = this.marks.get(tag);
    return Promise.resolve(
      Object.fromEntries(
        this.versionsOf(tag).map(({ version }) => [version, marks?.[String(version)] ?? '']),
      ),
    );
  }

  async allAliases(): Promise<(Aliases & { tag: string })[]> {
    await this.fault('allAliases', '');
    return [...this.shown].map(([tag, aliases]) => ({ tag, ...aliases }));
  }

  openRuns(startedBefore: string): Promise<OpenRun[]> {
    const open = [...this.runs].filter(
      ([, { status, opening }]) => status === null && opening.startedAt < startedBefore,
    );
    return Promise.resolve(
      open.map(
        ([
          runId,
          {
            opening: { tag, workflowId, startedAt },
          },
        ]) => ({
          ...{ runId, tag, workflowId, startedAt },
        }),
      ),
    );
  }

  /** A value that somebody logged on a run; `at` is UTC. */
  logMetric(logged: LoggedMetric): void {
    this.metrics.push(logged);
  }

  async newestMetric({ runId, name }: MetricQuestion): Promise<MetricPoint | null> {
    await this.fault('newestMetric', this.runs.get(runId)?.opening.tag ?? '');
    const newest = this.metrics
      .filter((logged) => logged.runId === runId && logged.name === name)
      .filter(({ value }) => Number.isFinite(value))
      .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
      .at(-1);
    return newest ? { value: newest.value, at: newest.at } : null;
  }

  readEvidence(): Promise<[]> {
    return Promise.resolve([]);
  }
}

function note({ written }: RecordedRun, what: string, content: unknown): void {
  written.set(what, (written.get(what) ?? new Set()).add(JSON.stringify(content)));
}
