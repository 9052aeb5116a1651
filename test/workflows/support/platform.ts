import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type { PlatformView, RegisteredTag } from '../../../temporal/contracts/platform.js';
import type { LedgerPage } from '../../../temporal/contracts/tag.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { EVERY_TAG, platformWorkflowId, requestHash, updateId } from '../../../temporal/ids.js';
import { WORKFLOWS } from '../../../temporal/names.js';
import type { World } from './world.js';

let keys = 0;

/** The platform's workflow, spoken to as the SDK speaks to it. */
export class PlatformOnServer {
  private readonly world: World;
  private readonly commandsPerPage: number;

  constructor(world: World, commandsPerPage: number) {
    this.world = world;
    this.commandsPerPage = commandsPerPage;
  }

  get handle() {
    return this.world.client.workflow.getHandle(platformWorkflowId);
  }

  /** Begins the workflow before any tag does, so that its pages are as short as the test wants them. */
  start(): Promise<unknown> {
    return this.world.client.workflow.start(WORKFLOWS.platform, {
      workflowId: platformWorkflowId,
      taskQueue: this.world.taskQueue,
      args: [{ commandsPerPage: this.commandsPerPage }],
    });
  }

  freeze(fields: { until?: string } = {}, key?: string): Promise<LedgerEntry> {
    return this.send('freezeAll', fields, key);
  }

  unfreeze(key?: string): Promise<LedgerEntry> {
    return this.send('unfreezeAll', {}, key);
  }

  /** Lists a tag past the tag itself. */
  async register(tag: string): Promise<void> {
    await this.send('register', { tag, owner: 'ops' });
  }

  private async send(
    update: string,
    fields: Record<string, unknown>,
    key = `platform-key-${String((keys += 1))}`,
  ): Promise<LedgerEntry> {
    const hash = requestHash(update, EVERY_TAG, fields);
    const asked = { actor: 'olga', reason: 'year end', workflowId: platformWorkflowId, key, hash };
    try {
      return await this.world.client.workflow.executeUpdateWithStart(update, {
        updateId: updateId(update, key, hash),
        args: [{ asked, ...fields }],
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.platform, {
          workflowId: platformWorkflowId,
          taskQueue: this.world.taskQueue,
          args: [{}],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      });
    } catch (error) {
      const said = error instanceof WorkflowUpdateFailedError && applicationFailure(error.cause);
      throw said || error;
    }
  }

  status(): Promise<PlatformView> {
    return this.handle.query('platformStatus');
  }

  async tags(): Promise<string[]> {
    const all = await this.handle.query<RegisteredTag[], [{ limit: number }]>('platformTags', {
      limit: 1000,
    });
    return all.map(({ tag }) => tag);
  }

  /** Oldest first. */
  async ledger(): Promise<LedgerEntry[]> {
    const { entries } = await this.handle.query<LedgerPage, [{ limit: number }]>('platformLedger', {
      limit: 1000,
    });
    return entries.reverse();
  }

  async runId(): Promise<string> {
    return (await this.handle.describe()).runId;
  }
}
