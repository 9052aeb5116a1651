import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { RunView, Stage } from '../temporal/contracts/runs.js';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import { plain, table } from './tag/details.js';

type Waiting = NonNullable<RunView['waitingFor']>;

/** A run's stages: what `status` answers and what the Web UI shows. */
export class Stages {
  readonly view: RunView;
  private waitingSince: number | null = null;

  constructor(of: Pick<RunView, 'kind' | 'tag'>, names: readonly string[]) {
    const stages: Stage[] = names.map((name) => ({ name, state: 'pending' }));
    this.view = {
      ...of,
      stage: names[0] ?? '',
      stages,
      gate: null,
      committed: null,
      rolloutWorkflowId: null,
    };
    this.show();
  }

  /** Runs one stage: running, then done or failed with the error's own words. */
  async run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.begin(name);
    try {
      const result = await work();
      this.mark(name, 'done');
      return result;
    } catch (error) {
      this.mark(name, 'failed', error instanceof Error ? firstLine(error) : String(error));
      throw error;
    }
  }

  begin(name: string): void {
    this.view.stage = name;
    const begun = this.view.stages.find((stage) => stage.name === name)?.startedAt;
    this.change(name, { state: 'running', startedAt: begun ?? new Date().toISOString() });
  }

  wait(name: string, waiting: Waiting): void {
    this.view.waitingFor = waiting;
    this.waitingSince ??= Date.now();
    this.change(name, { state: 'waiting' });
  }

  resume(name: string): void {
    delete this.view.waitingFor;
    this.change(name, { state: 'running', ...this.waited(name) });
  }

  mark(name: string, state: 'done' | 'failed' | 'skipped', detail?: string): void {
    delete this.view.waitingFor;
    this.change(name, {
      state,
      ...this.waited(name),
      finishedAt: new Date().toISOString(),
      ...(detail !== undefined && { detail }),
    });
  }

  detail(name: string, detail: string): void {
    this.change(name, { detail });
  }

  /** The end: search attributes in one write, because each costs an action. The last stage says it, too, unless it says why. */
  decide(decision: string, modelId: string | null): void {
    const last = this.view.stages.find(({ name }) => name === this.view.stage);
    if (last?.detail === undefined) this.detail(this.view.stage, decision);
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.Decision, value: decision },
      { key: SEARCH_ATTRIBUTES.Stage, value: this.view.stage },
      ...(modelId === null ? [] : [{ key: SEARCH_ATTRIBUTES.ModelId, value: modelId }]),
    ]);
  }

  /** Time that a stage waited is told apart from the time it worked. */
  private waited(name: string): Pick<Stage, 'waitedMs'> {
    const { waitingSince } = this;
    this.waitingSince = null;
    if (waitingSince === null) return {};
    const before = this.view.stages.find((stage) => stage.name === name)?.waitedMs ?? 0;
    return { waitedMs: before + Date.now() - waitingSince };
  }

  private change(name: string, change: Partial<Stage>): void {
    this.view.stages = this.view.stages.map((stage) =>
      stage.name === name ? { ...stage, ...change } : stage,
    );
    this.show();
  }

  private show(): void {
    setCurrentDetails(tableOf(this.view.stages));
  }
}

const SIGNS: Record<Stage['state'], string> = {
  pending: '·',
  running: '▶',
  waiting: '⏸',
  done: '✔',
  skipped: '–',
  failed: '✘',
};

function tableOf(stages: readonly Stage[]): string {
  const rows = stages.map((stage) => [
    `${SIGNS[stage.state]} ${stage.name}`,
    stage.state,
    took(stage),
    plain(stage.detail ?? ''),
  ]);
  return table(['stage', 'state', 'took', ''], rows);
}

/** The time worked, and beside it the time waited, when there was any. */
function took({ startedAt, finishedAt, waitedMs = 0 }: Stage): string {
  if (startedAt === undefined || finishedAt === undefined) return '';
  const worked = Date.parse(finishedAt) - Date.parse(startedAt) - waitedMs;
  return `${seconds(worked)}${waitedMs === 0 ? '' : `, waited ${seconds(waitedMs)}`}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const firstLine = (error: Error): string => {
  for (let at: Error = error; ; at = at.cause) {
    if (!(at.cause instanceof Error)) return at.message.split('\n', 1)[0] ?? '';
  }
};
