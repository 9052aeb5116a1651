import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { RunView, Stage } from '../temporal/contracts/runs.js';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import { plain, table } from './tag/details.js';

type Waiting = NonNullable<RunView['waitingFor']>;

/** A run's stages: what `status` answers and what the Web UI shows. */
export class Stages {
  readonly view: RunView;

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
    this.change(name, { state: 'running', startedAt: new Date().toISOString() });
  }

  wait(name: string, waiting: Waiting): void {
    this.view.waitingFor = waiting;
    this.change(name, { state: 'waiting' });
  }

  resume(name: string): void {
    delete this.view.waitingFor;
    this.change(name, { state: 'running' });
  }

  mark(name: string, state: 'done' | 'failed' | 'skipped', detail?: string): void {
    delete this.view.waitingFor;
    this.change(name, {
      state,
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
  const rows = stages.map(({ name, state, startedAt, finishedAt, detail }) => [
    `${SIGNS[state]} ${name}`,
    state,
    seconds(startedAt, finishedAt),
    plain(detail ?? ''),
  ]);
  return table(['stage', 'state', 'took', ''], rows);
}

function seconds(startedAt: string | undefined, finishedAt: string | undefined): string {
  if (startedAt === undefined || finishedAt === undefined) return '';
  return `${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
}

const firstLine = (error: Error): string => {
  for (let at: Error = error; ; at = at.cause) {
    if (!(at.cause instanceof Error)) return at.message.split('\n', 1)[0] ?? '';
  }
};
