/**
 * Characters that must not reach a terminal or a log as they are: controls, lone surrogates, line and
 * paragraph separators, spaces that look like the usual one, invisible and direction-changing characters
 * (https://trojansource.codes).
 */
const unsafe =
  /[\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]|\p{Surrogate}/gu;

/** The same text with every unsafe character written as `\u001b`. */
export function escapeText(text: string): string {
  return text.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Whether a character can be printed as it is. */
export function isPrintable(char: string): boolean {
  return escapeText(char) === char;
}

/** A value from a manifest for use in a message: quoted when it is text, escaped, and no longer than a glance. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return `"${escapeText(shorten(value, 40)).replaceAll('"', '\\"')}"`;
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : String(value);
}

/** At most `length` characters; what was left out is marked. */
export function shorten(text: string, length: number): string {
  // The slice bounds the work before the text is split into characters.
  const characters = [...text.slice(0, 2 * length + 2)];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** `"a", "b" or "c"`. */
export function listWords(words: readonly string[], last: 'and' | 'or'): string {
  const quoted = words.map((word) => showValue(word));
  return quoted.length < 2
    ? quoted.join('')
    : `${quoted.slice(0, -1).join(', ')} ${last} ${quoted.at(-1) ?? ''}`;
}

/** Characters that fill two columns of a terminal (https://www.unicode.org/reports/tr11), the common ones. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns of a terminal that one printable character fills. */
export function charWidth(char: string): number {
  if (/^(?:\p{Mn}|\p{Me})/u.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}
