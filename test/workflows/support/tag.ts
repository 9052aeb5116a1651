import {
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelDefinition } from '../../../temporal/contracts/definition.js';
import type { LedgerEntry } from '../../../temporal/contracts/ledger.js';
import type {
  ApplyOutcome,
  Asked,
  BeginRolloutCommand,
  LeaseCommand,
  RolloutGrant,
  TagView,
} from '../../../temporal/contracts/tag.js';
import { digestOf } from '../../../temporal/digest.js';
import { applicationFailure } from '../../../temporal/errors.js';
import { requestHash, tagWorkflowId, updateId } from '../../../temporal/ids.js';
import { WORKFLOWS } from '../../../temporal/names.js';
import { definition, model } from '../policy/tag/tags.js';
import type { World } from './world.js';

interface Who {
  key?: string;
  workflowId?: string;
  actor?: string;
  reason?: string;
}

let keys = 0;

/** One tag's workflow, spoken to as the SDK and the runs speak to it. */
export class TagOnServer {
  readonly workflowId: string;
  private readonly world: World;
  readonly tag: string;
  private readonly commandsPerPage: number | undefined;

  constructor(world: World, tag: string, commandsPerPage?: number) {
    this.world = world;
    this.tag = tag;
    this.workflowId = tagWorkflowId(tag);
    this.commandsPerPage = commandsPerPage;
  }

  get handle() {
    return this.world.client.workflow.getHandle(this.workflowId);
  }

  /** Sends a command, starting the workflow when there is none; a refusal is thrown as it was said. */
  async send<Answer>(
    update: string,
    fields: Record<string, unknown>,
    who: Who = {},
  ): Promise<Answer> {
    keys += 1;
    const asked = {
      ...{ actor: 'ada', reason: 'a reason', workflowId: 'caller', key: `key-${String(keys)}` },
      ...who,
      hash: requestHash(update, this.tag, fields),
    };
    for (;;) {
      try {
        return await this.update<Answer>(update, asked, fields);
      } catch (error) {
        // What a command is told whose first task ended with the page; the SDK and the activities ask again, too.
        if (!isGrpcServiceError(error) || !isFailedPrecondition(error.code)) throw error;
        await sleep(20);
      }
    }
  }

  private async update<Answer>(
    update: string,
    asked: Asked,
    fields: Record<string, unknown>,
  ): Promise<Answer> {
    const { tag, commandsPerPage } = this;
    try {
      return await this.world.client.workflow.executeUpdateWithStart(update, {
        updateId: updateId(update, asked.key, asked.hash),
        args: [{ asked, ...fields }],
        startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOWS.tag, {
          workflowId: this.workflowId,
          taskQueue: this.world.taskQueue,
          args: [{ tag, ...(commandsPerPage !== undefined && { commandsPerPage }) }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      });
    } catch (error) {
      const said = error instanceof WorkflowUpdateFailedError && applicationFailure(error.cause);
      throw said || error;
    }
  }

  /** As the SDK sends it: again, under the same key, while the tag has no room. */
  async persist<Answer>(
    update: string,
    fields: Record<string, unknown>,
    who: Who & { key: string },
  ): Promise<Answer> {
    for (;;) {
      try {
        return await this.send(update, fields, who);
      } catch (error) {
        const type = applicationFailure(error)?.type;
        if (type !== 'Overloaded' && type !== 'AcceptedUpdateCompletedWorkflow') throw error;
        await sleep(20);
      }
    }
  }

  define(over: Partial<ModelDefinition> = {}): Promise<ApplyOutcome> {
    return this.send('define', this.definitionFields(over));
  }

  definitionFields(over: Partial<ModelDefinition> = {}): Record<string, unknown> {
    const wanted = { ...definition, tag: this.tag, ...over };
    const code = { codeUri: 'memory:/code', codeRevision: 'abc' };
    return { definition: wanted, digest: digestOf(wanted), ...code };
  }

  begin(
    version: number,
    { who, ...over }: Partial<BeginRolloutCommand> & { who?: Who } = {},
  ): Promise<RolloutGrant> {
    const fields = { ...candidate(version), ...over };
    return this.send('beginRollout', fields, { workflowId: runOf(version), ...who });
  }

  /** The lease, with its host made; fails when it has to be waited for. */
  async lease(version: number, over: Parameters<TagOnServer['begin']>[1] = {}): Promise<string> {
    const grant = await this.begin(version, over);
    if (grant.state !== 'granted')
      throw new Error(`expected a lease, got ${JSON.stringify(grant)}`);
    await this.world.hosting.ensure(grant.host);
    return grant.lease;
  }

  commit(lease: string, who: Who = {}): Promise<LedgerEntry> {
    const fields: Omit<LeaseCommand, 'asked'> = { lease, step: 1 };
    return this.send('commitRollout', fields, who);
  }

  async promote(version: number): Promise<LedgerEntry> {
    const lease = await this.lease(version);
    return this.commit(lease, { workflowId: runOf(version) });
  }

  rollback(fields: { from?: number; to?: unknown } = {}, who: Who = {}): Promise<LedgerEntry> {
    return this.send('rollback', fields, who);
  }

  quarantine(version: number, who: Who = {}): Promise<LedgerEntry> {
    return this.send('quarantine', { version }, who);
  }

  status(): Promise<TagView> {
    return this.handle.query('status');
  }

  /** All that the workflow still holds, oldest first. */
  async ledger(): Promise<LedgerEntry[]> {
    const { entries } = await this.handle.query<{ entries: LedgerEntry[] }, [{ limit: number }]>(
      'ledger',
      { limit: 1000 },
    );
    return entries.reverse();
  }

  async actions(): Promise<string[]> {
    return (await this.ledger()).map(({ action, outcome }) =>
      outcome === 'applied' ? action : `${action} ${outcome}`,
    );
  }

  /** How many updates its run has let in. */
  async accepted(): Promise<number> {
    const { events } = await this.handle.fetchHistory();
    return (events ?? []).filter(
      ({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) => accepted,
    ).length;
  }

  async events(): Promise<number> {
    const { historyLength } = await this.handle.describe();
    return historyLength;
  }
}

export const candidate = (version: number) => ({
  model: model(version),
  warrant: { kind: 'gate', registryRunId: `run-${String(version)}` },
});

const runOf = (version: number): string => `rollout/${String(version)}`;

const FAILED_PRECONDITION: number = 9;
const isFailedPrecondition = (code: number): boolean => code === FAILED_PRECONDITION;
