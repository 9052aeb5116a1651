import { messageOf, type Log } from './log.js';
import type { Mirror } from './mirror/mirror.js';
import type { PredictionLog } from './predictions/log.js';
import type { Observer } from './scoring/observe.js';

export interface RecorderParts {
  mirror: Mirror;
  predictions: PredictionLog;
  log: Log;
}

/** Copies to the mirror and keeps in the log what was scored, by one instant for both: what counts as within a window is logged so. */
export function recorder({ mirror, predictions, log }: RecorderParts): Observer {
  return (scored) => {
    try {
      const atMs = Date.now();
      predictions.add(scored, atMs, mirror.offer(scored, atMs));
    } catch (error) {
      // It is called by an event of the connection, where nobody else would catch it.
      log('not-recorded', { tag: scored.tag, problem: messageOf(error) });
    }
  };
}
