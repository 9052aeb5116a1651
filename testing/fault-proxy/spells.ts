/** Things that last a while, each with what undoes it. */
export interface Spells {
  /** Undone after `forMs`, or by `endAll` when absent. */
  begin: (undo: () => void, forMs: number | undefined) => void;
  endAll: () => void;
}

export function createSpells(): Spells {
  const ends = new Set<() => void>();
  return {
    begin: (undo, forMs) => {
      const end = (): void => {
        clearTimeout(timer);
        ends.delete(end);
        undo();
      };
      const timer = forMs === undefined ? undefined : setTimeout(end, forMs);
      ends.add(end);
    },
    endAll: () => {
      for (const end of ends) end();
    },
  };
}
