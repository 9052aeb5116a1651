import type { HostSpec } from '../../temporal/contracts/route.js';
import { modelId } from '../../temporal/ids.js';
import { evidence, hosts, tags } from '../proxies.js';
import { recordOf, type Prepared } from './prepared.js';

/** The candidate's host: the tag's own from the beginning, so that no sweep takes it for one that nobody wants. */
export class Host {
  private readonly of: Prepared;
  private spec: HostSpec | null = null;

  constructor(of: Prepared) {
    this.of = of;
  }

  /** Warm, and tried with what callers asked last. Null: it takes it; else what it answered. */
  async readied(until: string): Promise<string | null> {
    const { request, asking, admission, candidate } = this.of;
    const { tag } = request;
    const asked = asking.asked('hold');
    this.spec = await tags.holdHost(tag, { asked, model: recordOf(candidate), until });
    await hosts.warmHost(this.spec);
    const incumbent = admission.live && modelId(tag, admission.live.version);
    const host = this.spec.name;
    const { tried, refused } = await evidence.tryCandidate({ tag, host, incumbent });
    if (refused === null) return null;
    return `refuses what the live model answers, at request ${String(tried)} of the newest: ${refused}`;
  }

  /** From now on it goes like any other that no route names. */
  async letGo(): Promise<void> {
    const { of, spec: host } = this;
    if (host === null) return;
    const { request, asking } = of;
    await tags.releaseHost(request.tag, { asked: asking.asked('release'), host });
    this.spec = null;
  }
}
