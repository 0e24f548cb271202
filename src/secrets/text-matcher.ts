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
  linkSuffixes(trie);
  const { first, next, code: codes, depth, fail, match, roots } = trie;

  function child(state: number, code: number): number {
    if (state === 0) return roots[code] ?? 0;
    for (let at = first[state] ?? 0; at !== 0; at = next[at] ?? 0) if (codes[at] === code) return at;
    return 0;
  }

  return {
    step(state, code) {
      let at = state;
      for (;;) {
        const found = child(at, code);
        if (found !== 0 || at === 0) return found;
        at = fail[at] ?? 0;
      }
    },
    matched: (state) => match[state] ?? 0,
    depth: (state) => depth[state] ?? 0,
  };
}

interface Trie {
  readonly size: number;
  /** First child and next sibling of each node; 0 is none, since the root is nobody's child. */
  readonly first: Int32Array;
  readonly next: Int32Array;
  readonly code: Uint16Array;
  readonly depth: Int32Array;
  readonly fail: Int32Array;
  readonly match: Int32Array;
  /** The root's children by code unit: it has the most, and is asked the most. */
  readonly roots: Int32Array;
}

function growTrie(patterns: Iterable<string>): Trie {
  const sorted = [...new Set(patterns)].filter((pattern) => pattern !== '').sort();
  const capacity = 1 + sorted.reduce((sum, { length }) => sum + length, 0);
  const trie = {
    size: 1,
    first: new Int32Array(capacity),
    next: new Int32Array(capacity),
    code: new Uint16Array(capacity),
    depth: new Int32Array(capacity),
    fail: new Int32Array(capacity),
    match: new Int32Array(capacity),
    roots: new Int32Array(65_536),
  };
  const path = [0];
  let before = '';
  for (const pattern of sorted) {
    let at = sharedLength(before, pattern);
    // Sorted, so what is shared with the last one is all that is there already.
    for (; at < pattern.length; at++) {
      const parent = path[at] ?? 0;
      const node = trie.size++;
      const code = pattern.charCodeAt(at);
      trie.code[node] = code;
      trie.depth[node] = at + 1;
      trie.next[node] = trie.first[parent] ?? 0;
      trie.first[parent] = node;
      if (parent === 0) trie.roots[code] = node;
      path[at + 1] = node;
    }
    trie.match[path[pattern.length] ?? 0] = pattern.length;
    before = pattern;
  }
  return trie;
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** Breadth first: where to go on when a node has no child for what comes next. */
function linkSuffixes({ size, first, next, code, fail, match, roots }: Trie): void {
  const queue = new Int32Array(size);
  let end = 0;
  for (let at = first[0] ?? 0; at !== 0; at = next[at] ?? 0) queue[end++] = at;
  const child = (state: number, wanted: number): number => {
    if (state === 0) return roots[wanted] ?? 0;
    for (let at = first[state] ?? 0; at !== 0; at = next[at] ?? 0) if (code[at] === wanted) return at;
    return 0;
  };
  for (let begin = 0; begin < end; begin++) {
    const parent = queue[begin] ?? 0;
    for (let node = first[parent] ?? 0; node !== 0; node = next[node] ?? 0) {
      const wanted = code[node] ?? 0;
      let at = fail[parent] ?? 0;
      let link = child(at, wanted);
      while (link === 0 && at !== 0) {
        at = fail[at] ?? 0;
        link = child(at, wanted);
      }
      fail[node] = link;
      match[node] = Math.max(match[node] ?? 0, match[link] ?? 0);
      queue[end++] = node;
    }
  }
}
