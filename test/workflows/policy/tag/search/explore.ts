export interface Space<World> {
  start: World;
  moves: (world: World) => Iterable<{ label: string; to: World }>;
  key: (world: World) => string;
  /** Which invariant a step breaks, in words; null when all hold. `isNew`: the state it leads to was not met before. */
  broken: (step: { before: World; after: World; label: string; isNew: boolean }) => string | null;
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
export function explore<World>(space: Space<World>): Found {
  let frontier: Node<World>[] = [{ world: space.start, depth: 0, parent: null, label: '' }];
  const seen = new Set([space.key(space.start)]);
  const found: Found = { states: 1, transitions: 0, depth: 0, counterexample: null };
  while (frontier.length > 0) {
    const next: Node<World>[] = [];
    for (const node of frontier) {
      found.counterexample = expand(node, space, { seen, next, found });
      found.states = seen.size;
      if (found.counterexample) return { ...found, depth: node.depth + 1 };
    }
    frontier = next;
    found.depth = next[0]?.depth ?? found.depth;
  }
  return found;
}

/** Takes every move of one state; what it leads to and was not met before comes next. */
function expand<World>(
  node: Node<World>,
  { moves, key, broken }: Space<World>,
  of: { seen: Set<string>; next: Node<World>[]; found: Found },
): Found['counterexample'] {
  for (const { label, to } of moves(node.world)) {
    of.found.transitions += 1;
    const reached = { world: to, depth: node.depth + 1, parent: node, label };
    const id = key(to);
    const isNew = !of.seen.has(id);
    const wrong = broken({ before: node.world, after: to, label, isNew });
    if (wrong !== null) return { broken: wrong, steps: wayTo(reached) };
    if (!isNew) continue;
    of.seen.add(id);
    of.next.push(reached);
  }
  return null;
}

function wayTo<World>(last: Node<World>): string[] {
  const steps: string[] = [];
  let node = last;
  while (node.parent !== null) {
    steps.unshift(node.label);
    node = node.parent;
  }
  return steps;
}
