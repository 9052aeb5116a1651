import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { ShadowRequest } from '../temporal/contracts/runs.js';
import type { ShadowReport } from '../temporal/contracts/shadow.js';
import { after } from '../temporal/duration.js';
import { runView } from '../temporal/messages.js';
import { failedAt, quietly, requireText } from './failing.js';
import { judgeShadow } from './policy/shadow-checks.js';
import { closing } from './proxies.js';
import { Asking } from './shadow/asking.js';
import { Host } from './shadow/host.js';
import { Mirror } from './shadow/mirror.js';
import { prepared, type Prepared } from './shadow/prepared.js';
import {
  measured,
  NOTHING_SHOWN,
  recorded,
  reportOf,
  settled,
  type Ends,
} from './shadow/report.js';
import { Slot } from './shadow/slot.js';
import { Stages } from './stages.js';

/** A host may take longer to be ready than its window lasts, which then begins when it is. */
const WARMING_MS = 15 * 60_000;
const STAGES = ['candidate', 'slot', 'host', 'window', 'end', 'report', 'verdict'] as const;

/**
 * Compares a candidate with the live model on live traffic: a booked slot, a warm host, a mirror until an absolute end that the
 * tag keeps by itself, the route read back without it, and a verdict on what it showed.
 */
export async function shadow(request: ShadowRequest): Promise<ShadowReport> {
  requireText(request, 'tag');
  const stages = new Stages({ kind: 'shadow', tag: request.tag }, STAGES);
  setHandler(runView, () => stages.view);
  const run = new Shadow(request, stages);
  try {
    const report = await run.toItsEnd();
    await condition(allHandlersFinished);
    return report;
  } catch (error) {
    await CancellationScope.nonCancellable(() => run.release(error));
    throw failedAt(stages.view.stage, error);
  }
}

class Shadow {
  private readonly request: ShadowRequest;
  private readonly stages: Stages;
  private readonly mirror: Mirror;
  private of: Prepared | null = null;
  private slot: Slot | null = null;
  private host: Host | null = null;

  constructor(request: ShadowRequest, stages: Stages) {
    this.request = request;
    this.stages = stages;
    this.mirror = new Mirror(stages);
  }

  async toItsEnd(): Promise<ShadowReport> {
    const { request, stages } = this;
    const wanted = await stages.run('candidate', () => prepared(request, new Asking(request)));
    this.of = wanted;
    const slot = new Slot(wanted);
    this.slot = slot;
    const booked = await stages.run('slot', () => slot.awaited(stages));
    const host = new Host(wanted);
    this.host = host;
    const refused = await stages.run('host', () => host.readied(after(booked.until, WARMING_MS)));
    const window = await slot.fromNow(booked);
    const of = { ...wanted, terms: { ...wanted.terms, ...window } };
    if (refused !== null) return this.unopened(of, settled('failed', 'live traffic', refused));
    const began = await stages.run('window', () => this.mirror.through({ of, slot, ...window }));
    if (began) return this.judged(of, await stages.run('end', () => this.end()));
    const missed = `the window until ${window.until} was over before the mirror could begin`;
    return this.unopened(of, settled('inconclusive', 'window', missed));
  }

  /** The route as the tag means it without the mirror, and room for others. Also when it is cancelled meanwhile. */
  private end(): Promise<boolean> {
    return CancellationScope.nonCancellable(async () => {
      await this.mirror.end();
      await this.leave(this.usedAs);
      return this.mirror.restored();
    });
  }

  /** Neither is needed any more, whatever comes of the window. */
  private async leave(as: 'done' | 'cancelled'): Promise<void> {
    await quietly('let the host go', async () => this.host?.letGo());
    await quietly('free the booking', async () => this.slot?.free(as));
  }

  private get usedAs(): 'done' | 'cancelled' {
    return this.mirror.begun === null || this.mirror.cancelled !== null ? 'cancelled' : 'done';
  }

  private async judged(of: Prepared, routeRestored: boolean): Promise<ShadowReport> {
    const { mirror, stages } = this;
    const { cancelled } = mirror;
    if (cancelled !== null) {
      const shown = { ...NOTHING_SHOWN, requests: await mirror.requests() };
      stages.mark('report', 'skipped');
      return this.close(of, {
        judged: settled('cancelled', 'window', cancelled),
        shown,
        routeRestored,
      });
    }
    const shown = await stages.run('report', () => measured(of, mirror));
    return this.close(of, { judged: judgeShadow(of.terms, shown), shown, routeRestored });
  }

  /** A run whose mirror never began: there is nothing to put back. */
  private async unopened(of: Prepared, judged: Ends['judged']): Promise<ShadowReport> {
    for (const stage of ['window', 'end', 'report']) this.stages.mark(stage, 'skipped');
    await this.leave('cancelled');
    return this.close(of, { judged, shown: NOTHING_SHOWN, routeRestored: true });
  }

  private close(of: Prepared, ends: Ends): Promise<ShadowReport> {
    return this.stages.run('verdict', async () => {
      const report = reportOf(of, this.mirror, ends);
      await recorded(of, report);
      this.stages.decide(report.verdict, report.candidate);
      return report;
    });
  }

  /** Whatever cannot be undone is logged: the cause of the end is what people need to see. */
  async release(error: unknown): Promise<void> {
    const { of, mirror } = this;
    if (of === null) return;
    const why = isCancellation(error) ? 'the run was cancelled' : 'the run failed';
    await quietly('end the mirror', () => mirror.end(why));
    await this.leave('cancelled');
    const status = isCancellation(error) ? ('KILLED' as const) : ('FAILED' as const);
    const end = { status, at: new Date().toISOString(), tags: {} };
    await quietly('close the record', () => closing.closeRun({ runId: of.registry.runId, ...end }));
  }
}
