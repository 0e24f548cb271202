/**
 * One line of foreign text that is safe to print: control characters, line separators and those that turn the
 * direction of text are written as escapes, and it is shortened to `limit` characters.
 */
export function escapeText(text: string, limit: number): string {
  const escaped = text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => short[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped.length <= limit) return escaped;
  return `${escaped.slice(0, limit - 1).toWellFormed()}…`;
}

const short: Readonly<Record<string, string>> = { '\t': '  ', '\n': '\\n', '\r': '\\r', '\u001b': '\\e' };
