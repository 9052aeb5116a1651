import type { Client } from '@temporalio/client';
import type { RetrainResult } from '../../dist/temporal/contracts/runs.js';
import type { Cost } from './history.ts';

/** Starts workflows past the SDK, each under an id of its own, and waits for their end. */
export class Runs {
  readonly #client: Client;
  #started = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async retrain(tag: string, taskQueue: string): Promise<{ workflowId: string } & RetrainResult> {
    const workflowId = this.#nextId(`retrain/${tag}`);
    const args = [{ tag, trigger: 'request', actor: 'bench' }];
    const options = { workflowId, taskQueue, args };
    const result = (await this.#client.workflow.execute('retrain', options)) as RetrainResult;
    return { workflowId, ...result };
  }

  /** The retrain and the rollout it handed its candidate to. */
  async retrainToLive(tag: string, taskQueue: string): Promise<[string, string]> {
    const { workflowId, rolloutWorkflowId } = await this.retrain(tag, taskQueue);
    if (rolloutWorkflowId === null) throw new Error(`${workflowId} was not handed to a rollout`);
    await this.#client.workflow.getHandle(rolloutWorkflowId).result();
    return [workflowId, rolloutWorkflowId];
  }

  async byHand(activities: Cost['activities'], taskQueue: string): Promise<void> {
    const workflowId = this.#nextId('by-hand');
    const args = [activities];
    await this.#client.workflow.execute('handWritten', { workflowId, taskQueue, args });
  }

  #nextId(kind: string): string {
    this.#started += 1;
    return `${kind}/${String(this.#started)}`;
  }
}
