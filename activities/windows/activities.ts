import { windowSpansFrom, type Windows } from '../../temporal/contracts/window-times.js';
import type { WindowSpans } from '../../temporal/contracts/windows.js';

export interface WindowQuestion {
  windows: Windows;
  /** ISO-8601 in UTC. */
  at: string;
}

export function createWindowActivities() {
  return {
    /** The change windows from `at` on, as far as it takes to find the next opening and at most 400 days. */
    windowSpans({ windows, at }: WindowQuestion): Promise<WindowSpans> {
      return Promise.resolve(windowSpansFrom(windows, at));
    },
  };
}
export type WindowActivities = ReturnType<typeof createWindowActivities>;
