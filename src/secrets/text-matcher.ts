/**
 * Finds many texts at once (https://en.wikipedia.org/wiki/Aho–Corasick_algorithm), in time linear in what is searched
 * and whatever it holds. Nodes are numbers in flat arrays: tens of thousands of patterns take a few megabytes.
 */
export interface TextMatcher {
  /** The state after one more UTF-16 code unit; 0 is the start. */
  step(state: number, code: number): number;
  /** Length of the longest pattern that ends here; 0 for none. */
  matched(state: number): number;
  /** How many of the last code units may still become part of a pattern. */
  depth(state: number): number;
}

export function createTextMatcher(patterns: Iterable<string>): TextMatcher {
  const trie = growTrie(patterns);
  const { fail, match } = linkSuffixes(trie);
  const { depth } = trie;
  return {
    step(state, code) {
      for (let at = state; ; at = fail[at] ?? 0) {
        const found = childOf(trie, at, code);
        if (found !== 0 || at === 0) return found;
      }
    },
    matched: (state) => match[state] ?? 0,
    depth: (state) => depth[state] ?? 0,
  };
}

interface Trie {
  /** Number of nodes; 0 is the root, and so nobody's child. */
  readonly size: number;
  readonly parent: Int32Array;
  readonly code: Uint16Array;
  readonly depth: Int32Array;
  /** Length of the pattern that ends at a node. */
  readonly ends: Int32Array;
  /** The root's children by code unit: it has the most, and is asked the most. */
  readonly roots: Int32Array;
  /** All other nodes by parent and code unit: a hash table with open addresses. */
  readonly table: Int32Array;
}

function growTrie(patterns: Iterable<string>): Trie {
  const sorted = [...new Set(patterns)].filter((pattern) => pattern !== '').sort();
  const capacity = 1 + sorted.reduce((sum, { length }) => sum + length, 0);
  const parent = new Int32Array(capacity);
  const code = new Uint16Array(capacity);
  const depth = new Int32Array(capacity);
  const ends = new Int32Array(capacity);
  const path = [0];
  let size = 1;
  let before = '';
  for (const pattern of sorted) {
    // Sorted, so what is shared with the last one is all that is there already.
    for (let at = sharedLength(before, pattern); at < pattern.length; at++) {
      const node = size++;
      parent[node] = path[at] ?? 0;
      code[node] = pattern.charCodeAt(at);
      depth[node] = at + 1;
      path[at + 1] = node;
    }
    ends[path[pattern.length] ?? 0] = pattern.length;
    before = pattern;
  }
  const trie = { size, parent, code, depth, ends, roots: new Int32Array(65_536), table: tableFor(size) };
  for (let node = 1; node < size; node++) addChild(trie, node);
  return trie;
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** At most half full, so that a search ends soon. */
function tableFor(size: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(2 * size + 2)));
}

function slotOf(state: number, code: number): number {
  const mixed = Math.imul(state, 0x9e3779b1) ^ Math.imul(code, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function addChild({ parent, code, roots, table }: Trie, node: number): void {
  const [above = 0, own = 0] = [parent[node], code[node]];
  if (above === 0) {
    roots[own] = node;
    return;
  }
  const mask = table.length - 1;
  let slot = slotOf(above, own) & mask;
  while (table[slot] !== 0) slot = (slot + 1) & mask;
  table[slot] = node;
}

function childOf({ parent, code, roots, table }: Trie, state: number, wanted: number): number {
  if (state === 0) return roots[wanted] ?? 0;
  const mask = table.length - 1;
  for (let slot = slotOf(state, wanted) & mask; ; slot = (slot + 1) & mask) {
    const node = table[slot] ?? 0;
    if (node === 0 || (parent[node] === state && code[node] === wanted)) return node;
  }
}

/** Where to go on when a node has no child for what comes next, and the longest pattern that ends at each. */
function linkSuffixes(trie: Trie): { readonly fail: Int32Array; readonly match: Int32Array } {
  const { parent, code, ends } = trie;
  const fail = new Int32Array(ends.length);
  const match = Int32Array.from(ends);
  // The suffix of a node is shorter, so it is done before.
  for (const node of byDepth(trie)) {
    const above = parent[node] ?? 0;
    if (above === 0) continue;
    const wanted = code[node] ?? 0;
    let at = fail[above] ?? 0;
    let link = childOf(trie, at, wanted);
    while (link === 0 && at !== 0) {
      at = fail[at] ?? 0;
      link = childOf(trie, at, wanted);
    }
    fail[node] = link;
    match[node] = Math.max(match[node] ?? 0, match[link] ?? 0);
  }
  return { fail, match };
}

function byDepth({ size, depth }: Trie): Int32Array {
  const counts = new Int32Array(depth.reduce((deepest, one) => Math.max(deepest, one), 0) + 2);
  for (let node = 1; node < size; node++) {
    const level = depth[node] ?? 0;
    counts[level + 1] = (counts[level + 1] ?? 0) + 1;
  }
  for (let level = 1; level < counts.length; level++)
    counts[level] = (counts[level] ?? 0) + (counts[level - 1] ?? 0);
  const sorted = new Int32Array(size - 1);
  for (let node = 1; node < size; node++) {
    const level = depth[node] ?? 0;
    const at = counts[level] ?? 0;
    sorted[at] = node;
    counts[level] = at + 1;
  }
  return sorted;
}
