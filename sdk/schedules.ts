import {
  ScheduleNotFoundError,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import type { ModelDefinition } from '../temporal/contracts/definition.js';
import { ModelTag } from '../temporal/contracts/scalars.js';
import { ScheduleSpec } from '../temporal/contracts/schedule.js';
import type { DefinitionView } from '../temporal/contracts/tag.js';
import * as messages from '../temporal/messages.js';
import { BackfillArguments } from './arguments.js';
import { mapConcurrently } from './concurrency.js';
import { definitionDigest } from './definition-digest.js';
import { InvalidRequestError, ModelyardError, UnknownTagError } from './errors.js';
import { check, invalidRequest, parseArguments } from './issues.js';
import { difference } from './models.js';
import { backfillSlots } from './schedule-slots.js';
import { scheduleStatus } from './schedule-status.js';
import { callService, type Session } from './session.js';
import { asked, commandTag, defineTag, definitionInForce, unknownTag } from './tag-entity.js';
import type { ApplyResult, ScheduleStatus } from './types.js';
import { fromService } from './service-errors.js';

const CONCURRENT_DESCRIPTIONS = 8;
const EDIT_ATTEMPTS = 5;
/** A backfill looks up each of its slots. */
const ACT_TIMEOUT_MS = 60_000;
/** Temporal names a triggered slot by its own clock. */
const CLOCKS_DIFFER_MS = 120_000;

/** Retraining on a cron, one schedule per tag; ids read 'tag/<tag>'. */
export class Schedules {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  /** Edits the schedule of the tag's definition, in the same journal as any other edit of it. */
  async apply(
    target: ModelTag,
    spec: ScheduleSpec,
    options: { dryRun?: boolean } = {},
  ): Promise<ApplyResult> {
    if (typeof target !== 'string') {
      const message =
        'expected a model tag; schedules of families and fleets are not supported by this release';
      throw invalidRequest('schedules.apply', [{ path: 'target', message }]);
    }
    const parsed = parseArguments(
      'schedules.apply',
      { tag: ModelTag, spec: ScheduleSpec },
      { tag: target, spec },
    );
    return this.#edit(parsed.tag, parsed.spec, options.dryRun === true);
  }

  /** From Temporal's list, which lags by moments; each status is asked for anew. */
  async *list(): AsyncGenerator<ScheduleStatus> {
    const statuses = mapConcurrently(this.#ids(), CONCURRENT_DESCRIPTIONS, (id) =>
      this.#described(id),
    );
    for await (const status of statuses) if (status !== null) yield status;
  }

  async pause(id: string, options: { reason: string }): Promise<void> {
    await this.#on(id, (schedule) => schedule.pause(options.reason));
  }

  async resume(id: string): Promise<void> {
    await this.#on(id, (schedule) => schedule.unpause(`resumed by ${this.#session.options.actor}`));
  }

  /** Starts one run now, also while the schedule is paused or a run is under way: a person asked for it. */
  async trigger(id: string): Promise<void> {
    const now = Date.now();
    await this.#note(id, {
      from: new Date(now - CLOCKS_DIFFER_MS),
      until: new Date(now + CLOCKS_DIFFER_MS),
    });
    await this.#on(id, (schedule) => schedule.trigger('ALLOW_ALL'));
  }

  /** Runs the slots of [from, until) that have not completed, one after the other, oldest first. */
  async backfill(id: string, range: { from: Date; until: Date }): Promise<void> {
    const parsed = parseArguments(
      'schedules.backfill',
      { range: BackfillArguments },
      { range },
    ).range;
    await this.#note(id, parsed);
    await this.#on(id, (schedule) =>
      backfillSlots(this.#session, schedule, { tag: tagOf(id), ...parsed }),
    );
  }

  /** Removes the schedule from the tag's definition, and with it from Temporal. */
  async delete(id: string): Promise<void> {
    await this.#edit(tagOf(id), undefined, false);
  }

  /** First of all, and whatever becomes of the slots: whoever asks for a run may not approve what comes of it. */
  async #note(id: string, { from, until }: { from: Date; until: Date }): Promise<void> {
    const tag = tagOf(id);
    const span = { from: from.toISOString(), until: until.toISOString() };
    const request = { method: 'noteTrigger', tag, fields: span, reason: 'slots asked for' };
    await commandTag(this.#session, tag, {
      definition: messages.noteTrigger,
      value: { asked: asked(this.#session, request), ...span },
    });
  }

  /** Repeats when someone else changed the definition between the reading and the writing of it. */
  async #edit(tag: string, spec: ScheduleSpec | undefined, dryRun: boolean): Promise<ApplyResult> {
    for (let attempt = 1; ; attempt += 1) {
      const view = await definitionInForce(this.#session, tag);
      const { schedule: _, ...rest } = view.definition;
      const edited: ModelDefinition = spec === undefined ? rest : { ...rest, schedule: spec };
      const changes = difference(view.definition, edited);
      const digest = definitionDigest(edited);
      if (dryRun) return { tag, digest, changed: changes.length > 0, diff: changes };
      try {
        const changed = await this.#define(view, edited, digest);
        return { tag, digest, changed, diff: changed ? changes : [] };
      } catch (error) {
        const overtaken = error instanceof ModelyardError && error.code === 'DefinitionChanged';
        if (!overtaken || attempt === EDIT_ATTEMPTS) throw error;
      }
    }
  }

  async #define(
    view: DefinitionView,
    definition: ModelDefinition,
    digest: string,
  ): Promise<boolean> {
    const reason = definition.schedule === undefined ? 'schedule deleted' : 'schedule applied';
    const request = { method: 'define', tag: definition.tag, fields: { digest }, reason };
    const { codeUri, codeRevision, digest: expected } = view;
    const command = {
      asked: asked(this.#session, request),
      definition,
      digest,
      codeUri,
      codeRevision,
      expected,
    };
    return (await defineTag(this.#session, command)).changed;
  }

  async *#ids(): AsyncGenerator<string> {
    try {
      for await (const { scheduleId } of this.#session.client.schedule.list()) {
        if (scheduleId.startsWith('tag/')) yield scheduleId;
      }
    } catch (error) {
      throw fromService(this.#session, error);
    }
  }

  async #described(id: string): Promise<ScheduleStatus | null> {
    try {
      return scheduleStatus(
        await this.#on(id, (schedule): Promise<ScheduleDescription> => schedule.describe()),
      );
    } catch (error) {
      // It was deleted between the listing and the question.
      if (error instanceof InvalidRequestError || error instanceof UnknownTagError) return null;
      throw error;
    }
  }

  async #on<T>(id: string, act: (schedule: ScheduleHandle) => Promise<T>): Promise<T> {
    const tag = tagOf(id);
    try {
      return await callService(
        this.#session,
        () => act(this.#session.client.schedule.getHandle(id)),
        ACT_TIMEOUT_MS,
      );
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) {
        // Told apart, so that a misspelt tag does not read like one without a schedule.
        await definitionInForce(this.#session, tag).catch((unknown: unknown) => {
          throw unknown instanceof UnknownTagError ? unknownTag(tag, error) : unknown;
        });
        throw invalidRequest('schedules', [
          { path: 'id', message: `expected the id of a schedule, and ${id} has none` },
        ]);
      }
      throw error;
    }
  }
}

/** The tag of a schedule's id; InvalidRequestError for the id of anything else. */
function tagOf(id: string): string {
  const parsed = id.startsWith('tag/') ? check(ModelTag, id.slice('tag/'.length)) : { issues: [] };
  if ('value' in parsed) return parsed.value;
  const message = `expected 'tag/<tag>', got ${JSON.stringify(id)}; schedules of families and fleets are not supported by this release`;
  throw invalidRequest('schedules', [{ path: 'id', message }]);
}
