import { isCancellation, log } from '@temporalio/workflow';
import type { MirrorFigures } from '../../temporal/contracts/predictions.js';
import type { ShadowRequests } from '../../temporal/contracts/shadow.js';
import { modelId } from '../../temporal/ids.js';
import { added, NO_REQUESTS, requestsBetween } from '../policy/mirror-tally.js';
import { monitoring } from '../proxies.js';

/** What the mirror of a tag counted of a candidate since it was looked at first, over every epoch of the gateway that was read. */
export class Tally {
  /** As far as it is known. */
  requests: ShadowRequests = NO_REQUESTS;
  private last: MirrorFigures | null = null;
  private readonly tag: string;
  private readonly candidate: string;

  constructor({ tag, version }: { tag: string; version: number }) {
    this.tag = tag;
    this.candidate = modelId(tag, version);
  }

  /** What was counted before is not this mirror's. */
  async begin(): Promise<void> {
    this.last = await readFigures(this.tag);
  }

  /** False: the figures could not be read, and nothing is known anew. */
  async read(): Promise<boolean> {
    const now = await readFigures(this.tag);
    if (now === null) return false;
    this.requests = added(this.requests, requestsBetween(this.last, now, this.candidate));
    this.last = now;
    return true;
  }
}

async function readFigures(tag: string): Promise<MirrorFigures | null> {
  try {
    return await monitoring.readMirror(tag);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn("the mirror's figures could not be read", { said: String(error) });
    return null;
  }
}
