import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import type { BookCommand, Booking, PoolSpec, PoolView } from '../../../temporal/contracts/pool.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { poolWorkflowId, requestHash, updateId } from '../../../temporal/ids.js';
import { WORKFLOWS } from '../../../temporal/names.js';
import type { World } from './world.js';

interface Who {
  key?: string;
  workflowId?: string;
}

const HOUR_MS = 3_600_000;
let start = Date.now();
let keys = 0;

/** An instant, in hours from the beginning of the test on. */
export const hour = (count: number): string => new Date(start + count * HOUR_MS).toISOString();

export function beginNow(): void {
  start = Date.now();
}

/** One pool's workflow, spoken to as the SDK and the runs speak to it. */
export class PoolOnServer {
  readonly workflowId: string;
  private readonly world: Pick<World, 'client' | 'taskQueue'>;
  readonly name: string;
  private readonly commandsPerPage: number | undefined;

  constructor(world: Pick<World, 'client' | 'taskQueue'>, name: string, commandsPerPage?: number) {
    this.world = world;
    this.name = name;
    this.commandsPerPage = commandsPerPage;
    this.workflowId = poolWorkflowId(name);
  }

  get handle() {
    return this.world.client.workflow.getHandle(this.workflowId);
  }

  apply(spec: Partial<PoolSpec> = {}): Promise<PoolSpec> {
    return this.send('applyPool', { pool: { name: this.name, slots: 1, ...spec } });
  }

  book(from: number, until: number, over: Partial<BookCommand> = {}, who?: Who): Promise<Booking> {
    const slot = { from: hour(from), until: hour(until) };
    const window = { slot, fit: 'exact', tier: 'standard' } as const;
    return this.send(
      'book',
      { tag: 'churn', version: 3, ...window, workflowId: null, ...over },
      who,
    );
  }

  async send<Answer>(
    update: string,
    fields: Record<string, unknown>,
    { key = `pool-key-${String((keys += 1))}`, workflowId = this.workflowId }: Who = {},
  ): Promise<Answer> {
    const hash = requestHash(update, this.name, fields);
    const asked = { actor: 'olga', reason: 'a reason', workflowId, key, hash };
    const perPage = this.commandsPerPage;
    try {
      return await this.world.client.workflow.executeUpdateWithStart(update, {
        updateId: updateId(update, key, hash),
        args: [{ asked, ...fields }],
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.pool, {
          workflowId: this.workflowId,
          taskQueue: this.world.taskQueue,
          args: [{ name: this.name, ...(perPage !== undefined && { commandsPerPage: perPage }) }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      });
    } catch (error) {
      const said = error instanceof WorkflowUpdateFailedError && applicationFailure(error.cause);
      throw said || error;
    }
  }

  status(at = 0): Promise<PoolView> {
    return this.handle.query('poolStatus', { at: hour(at) });
  }

  /** As it is so many hours from now on. */
  calendar(at = 0): Promise<Booking[]> {
    const range = { from: hour(-24), until: hour(24 * 365), at: hour(at), limit: 4_000 };
    return this.handle.query('calendar', range);
  }

  async runId(): Promise<string> {
    return (await this.handle.describe()).runId;
  }
}
