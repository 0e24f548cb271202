/**
 * The words of a command as compose splits them: the quoting rules of POSIX, and nothing else of a shell.
 * Undefined when a quote is not closed or a backslash ends the text.
 */
export function splitCommand(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '\\') {
      at++;
      if (at === text.length) return undefined;
      word = (word ?? '') + escaped(text.charAt(at), quote);
    } else if (char === quote) {
      quote = undefined;
    } else if (quote === undefined && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) return undefined;
  return word === undefined ? words : [...words, word];
}

/** Between double quotes a backslash only escapes what would be special there. */
function escaped(char: string, quote: '"' | undefined): string {
  if (char === '\n') return '';
  return quote === undefined || '"\\$`'.includes(char) ? char : `\\${char}`;
}
