import { modelId } from '../../temporal/ids.js';
import type { TagState } from '../policy/tag/state.js';
import { windowAt } from '../policy/windows.js';
import { authority } from '../proxies.js';
import { now, refusal } from './entity.js';

/** Refuses a step towards a candidate outside the change windows; a break-glass promote knows none. */
export async function insideWindows({ tag, definition, lease }: TagState): Promise<void> {
  const windows = definition?.definition.rollout?.windows;
  if (!windows || !lease || lease.breakGlass) return;
  const spans = await authority.windowSpans({ windows, at: now() });
  const window = windowAt(spans, now());
  if (window.open) return;
  throw refusal({
    type: 'WindowClosed',
    message: `${modelId(tag, lease.version)} waits for a change window: ${window.because}`,
    details: { until: window.nextOpening },
  });
}
