import { createTextMatcher, type TextMatcher } from './text-matcher.ts';
import { encodingsOf, shortestValue } from './value-encodings.ts';

/**
 * Replaces known values by `***`, whatever they are encoded in. Values of four characters and more are found
 * anywhere. Values of two or three letters and digits are hidden where they stand as a word of their own; a single
 * character, and two or three that are not all letters and digits, are no secret that could be kept.
 */
export interface Redactor {
  learn(value: string): void;
  redact(text: string): string;
  /** For text that comes in pieces: a value may be broken over any number of them. */
  stream(): StreamRedactor;
}

export interface StreamRedactor {
  /** What can be shown by now; at most the longest known value is held back. */
  push(piece: string): string;
  /** The rest. */
  end(): string;
}

const hidden = '***';
/** Values that change for ever must not fill the memory; what was learned first goes first. */
const mostValues = 20_000;

export function createRedactor(): Redactor {
  /** With what each looks like: that is worked out once. */
  const values = new Map<string, ReadonlySet<string>>();
  let lexicon: Lexicon | undefined;
  const current = (): Lexicon => {
    lexicon ??= createLexicon(values);
    return lexicon;
  };
  return {
    learn(value) {
      if (value.trim().length < 2 || values.has(value)) return;
      values.set(value, encodingsOf(value));
      for (const oldest of values.keys()) {
        if (values.size <= mostValues) break;
        values.delete(oldest);
      }
      lexicon = undefined;
    },
    redact(text) {
      if (values.size === 0 || text === '') return text;
      const scan = createScan(current());
      return scan.push(text) + scan.end();
    },
    stream: () => createStream(current),
  };
}

/** Also takes part in what is learned while the stream is open. */
function createStream(current: () => Lexicon): StreamRedactor {
  let lexicon = current();
  let scan = createScan(lexicon);
  return {
    push(piece) {
      let shown = '';
      if (current() !== lexicon) {
        lexicon = current();
        const held = scan.held();
        scan = createScan(lexicon);
        shown = scan.push(held);
      }
      return shown + scan.push(piece);
    },
    end: () => scan.end(),
  };
}

interface Lexicon {
  readonly matcher: TextMatcher;
  readonly words: ReadonlySet<string>;
  readonly longestWord: number;
}

function createLexicon(values: ReadonlyMap<string, ReadonlySet<string>>): Lexicon {
  const words = new Set([...values.keys()].map((value) => value.trim()).filter(isShortWord));
  return {
    matcher: createTextMatcher(allOf(values)),
    words,
    longestWord: Math.max(0, ...[...words].map(({ length }) => length)),
  };
}

function* allOf(values: ReadonlyMap<string, ReadonlySet<string>>): Iterable<string> {
  for (const forms of values.values()) yield* forms;
}

function isShortWord(value: string): boolean {
  return value.length < shortestValue && value.length > 1 && [...value].every((char) => isWordChar(char));
}

function isWordChar(char: string): boolean {
  return char < '\u0080' ? /\w/.test(char) : /[\p{L}\p{N}]/u.test(char);
}

interface Scan {
  push(text: string): string;
  end(): string;
  /** What was pushed and neither shown nor hidden yet. */
  held(): string;
}

/** Offsets count from the first character that was ever pushed. */
function createScan({ matcher, words, longestWord }: Lexicon): Scan {
  let held = '';
  let base = 0;
  let state = 0;
  let wordStart = -1;
  /** Found and not passed yet; apart from each other, in order. */
  const found: { start: number; end: number }[] = [];
  let hiddenUntil = 0;

  function hide(start: number, end: number): void {
    const whole = { start, end };
    for (let last = found.at(-1); last !== undefined && last.end > whole.start; last = found.at(-1)) {
      whole.start = Math.min(whole.start, last.start);
      whole.end = Math.max(whole.end, last.end);
      found.pop();
    }
    found.push(whole);
  }

  function endWord(at: number): void {
    const start = wordStart;
    wordStart = -1;
    if (start < 0 || at - start > longestWord) return;
    if (words.has(held.slice(start - base, at - base))) hide(start, at);
  }

  /** Everything before `limit` is decided: no match can begin there any more. */
  function release(limit: number): string {
    let shown = '';
    let at = base;
    const show = (until: number): void => {
      const from = Math.max(at, hiddenUntil);
      if (until > from) shown += held.slice(from - base, until - base);
      at = Math.max(at, until);
    };
    while (found[0] !== undefined && found[0].start < limit) {
      const { start, end } = found[0];
      show(start);
      // What begins inside of what is hidden already only makes it longer.
      if (start >= hiddenUntil) shown += hidden;
      hiddenUntil = Math.max(hiddenUntil, end);
      found.shift();
    }
    show(limit);
    held = held.slice(limit - base);
    base = limit;
    return shown;
  }

  return {
    push(text) {
      const from = base + held.length;
      held += text;
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        const position = from + at;
        if (longestWord > 0) {
          if (!isWordChar(text.charAt(at))) endWord(position);
          else if (wordStart < 0) wordStart = position;
        }
        state = matcher.step(state, code);
        const length = matcher.matched(state);
        if (length > 0) hide(position + 1 - length, position + 1);
      }
      const scanned = base + held.length;
      const wordHeld = wordStart >= 0 && scanned - wordStart <= longestWord ? wordStart : scanned;
      return release(Math.max(base, Math.min(scanned - matcher.depth(state), wordHeld)));
    },
    end() {
      const end = base + held.length;
      endWord(end);
      state = 0;
      return release(end);
    },
    held: () => held.slice(Math.max(0, hiddenUntil - base)),
  };
}
