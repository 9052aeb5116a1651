export interface Space<World> {
  start: World;
  moves: (world: World) => Iterable<{ label: string; to: World }>;
  key: (world: World) => string;
  /** Which invariant the step breaks, in words; null when all hold. */
  broken: (before: World, after: World) => string | null;
}

export interface Found {
  states: number;
  transitions: number;
  depth: number;
  /** The shortest way to a state in which an invariant does not hold; null when there is none. */
  counterexample: { broken: string; steps: string[] } | null;
}

interface Node<World> {
  world: World;
  depth: number;
  parent: Node<World> | null;
  label: string;
}

/** Breadth-first over every state that can be reached, up to the first that breaks an invariant. */
export function explore<World>({ start, moves, key, broken }: Space<World>): Found {
  let frontier: Node<World>[] = [{ world: start, depth: 0, parent: null, label: '' }];
  const seen = new Set([key(start)]);
  const found: Found = { states: 1, transitions: 0, depth: 0, counterexample: null };
  while (frontier.length > 0) {
    const next: Node<World>[] = [];
    for (const node of frontier) {
      for (const { label, to } of moves(node.world)) {
        found.transitions += 1;
        const reached = { world: to, depth: node.depth + 1, parent: node, label };
        const wrong = broken(node.world, to);
        if (wrong !== null)
          return { ...found, depth: reached.depth, counterexample: { broken: wrong, steps: wayTo(reached) } };
        const id = key(to);
        if (seen.has(id)) continue;
        seen.add(id);
        next.push(reached);
      }
    }
    frontier = next;
    found.states = seen.size;
    found.depth = next[0]?.depth ?? found.depth;
  }
  return found;
}

function wayTo<World>(last: Node<World>): string[] {
  const steps: string[] = [];
  for (let node: Node<World> | null = last; node?.parent; node = node.parent) steps.unshift(node.label);
  return steps;
}
