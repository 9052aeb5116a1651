/** Requests that wait until another one passed. */
export interface HeldRequests {
  holds: (match: RegExp) => boolean;
  /** Resolves when a request that matches passed, or after `waitMs`. */
  hold: (match: RegExp, waitMs: number) => Promise<void>;
  /** A request was executed. */
  passed: (line: string) => void;
  releaseAll: () => void;
}

export function createHeldRequests(): HeldRequests {
  const held = new Map<RegExp, () => void>();
  const release = (match: RegExp): void => {
    held.get(match)?.();
    held.delete(match);
  };
  return {
    holds: (match) => held.has(match),
    hold: (match, waitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(release, waitMs, match);
        held.set(match, () => {
          clearTimeout(timer);
          resolve();
        });
      }),
    passed: (line) => {
      for (const match of held.keys()) if (line.search(match) !== -1) release(match);
    },
    releaseAll: () => {
      for (const match of held.keys()) release(match);
    },
  };
}
