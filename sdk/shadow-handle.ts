import type { UpdateDefinition } from '@temporalio/common';
import type { ShadowReport as ShadowRecord } from '../temporal/contracts/shadow.js';
import * as messages from '../temporal/messages.js';
import { EndShadowArguments, ExtendShadowArguments } from './arguments.js';
import { invalidRequest, parseArguments } from './issues.js';
import { toShadowReport } from './records.js';
import { Run } from './run-handle.js';
import { isOpen, tagOf } from './run-status.js';
import { describeRun } from './run-watch.js';
import type { Session } from './session.js';
import { settle } from './tag-entity.js';
import type { ShadowHandle, ShadowReport } from './types.js';

export class ShadowRun extends Run<ShadowReport> implements ShadowHandle {
  declare readonly kind: 'shadow';
  readonly #session: Session;

  constructor(session: Session, workflowId: string) {
    super(session, {
      kind: 'shadow',
      workflowId,
      toResult: (record) => toShadowReport(record as ShadowRecord),
    });
    this.#session = session;
  }

  async extend(given: { until: Date }): Promise<{ until: Date }> {
    const { options } = parseArguments(
      'extend',
      { options: ExtendShadowArguments },
      { options: given },
    );
    if (!(await this.#isOpen()))
      throw invalidRequest('extend', [{ path: '', message: `${this.workflowId} has ended` }]);
    const { actor } = this.#session.options;
    const until = options.until.toISOString();
    const moved = await this.#command(messages.extendShadow, { until, actor });
    return { until: new Date(moved.until) };
  }

  async end(given: { reason: string }): Promise<void> {
    const { options } = parseArguments('end', { options: EndShadowArguments }, { options: given });
    if (!(await this.#isOpen())) return;
    const { actor } = this.#session.options;
    await this.#command(messages.endShadowNow, { reason: options.reason, actor });
  }

  async #isOpen(): Promise<boolean> {
    return isOpen(await describeRun(this.#session, this.workflowId));
  }

  #command<Result, Command>(
    definition: UpdateDefinition<Result, [Command]>,
    command: Command,
  ): Promise<Result> {
    const handle = this.#session.client.workflow.getHandle(this.workflowId);
    return settle(this.#session, tagOf(this.workflowId), () =>
      handle.startUpdate<Result, [Command]>(definition, {
        args: [command],
        waitForStage: 'ACCEPTED',
      }),
    );
  }
}
