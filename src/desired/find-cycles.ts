/**
 * The shortest cycle through each node that lies on one, beginning and ending with its least name, so that
 * all nodes of one cycle tell it alike.
 */
export function findCycles(
  edges: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const tangled = withoutEnds(edges);
  const cycles = new Map<string, readonly string[]>();
  for (const node of [...tangled.keys()].sort()) {
    const cycle = shortestCycle(node, tangled);
    if (cycle !== undefined) cycles.set(node, fromLeast(cycle));
  }
  return cycles;
}

/** Drops what leads nowhere, again and again: all that is left lies on a cycle or leads to one. */
function withoutEnds(edges: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  const open = new Map<string, number>();
  for (const [node, targets] of edges) {
    const known = targets.filter((target) => edges.has(target));
    open.set(node, known.length);
    for (const target of known) dependents.set(target, [...(dependents.get(target) ?? []), node]);
  }
  const ends = [...open].filter(([, count]) => count === 0).map(([node]) => node);
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    open.delete(end);
    for (const dependent of dependents.get(end) ?? []) {
      const left = (open.get(dependent) ?? 0) - 1;
      open.set(dependent, left);
      if (left === 0) ends.push(dependent);
    }
  }
  return new Map(
    [...open.keys()].map((node) => [node, (edges.get(node) ?? []).filter((target) => open.has(target))]),
  );
}

function shortestCycle(
  start: string,
  edges: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at] ?? start;
    for (const target of [...(edges.get(node) ?? [])].sort()) {
      if (target === start) return pathTo(node, start, cameFrom);
      if (!cameFrom.has(target)) queue.push(target);
      if (!cameFrom.has(target)) cameFrom.set(target, node);
    }
  }
  return undefined;
}

function pathTo(last: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const path = [last];
  for (let node = last; node !== start; ) {
    node = cameFrom.get(node) ?? start;
    path.unshift(node);
  }
  return path;
}

function fromLeast(cycle: readonly string[]): readonly string[] {
  const least = cycle.indexOf([...cycle].sort()[0] ?? '');
  const turned = [...cycle.slice(least), ...cycle.slice(0, least)];
  return [...turned, ...turned.slice(0, 1)];
}
