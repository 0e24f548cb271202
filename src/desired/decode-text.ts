import type { Problem, SourceFile } from './desired.ts';
import { createSourceText, type Fault, problemAt, type SourceText } from './source-text.ts';

/** Largest manifest in bytes. */
const sizeLimit = 256 * 1024;

/** What YAML calls not printable; a lone carriage return is a line break to some readers and not to others. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]|\r(?!\n)/;

/** The text of a manifest, or why it is none. */
export function decodeText(file: SourceFile): SourceText | Problem {
  const { content, path } = file;
  if (content.length > sizeLimit) return wholeFile(path, tooLarge(content.length));
  if (isUtf16(content)) return wholeFile(path, otherUnicode(content));
  const text = new TextDecoder('utf-8').decode(content);
  const invalid = firstInvalidByte(content);
  if (invalid !== undefined) {
    const valid = new TextDecoder('utf-8').decode(content.subarray(0, invalid)).replace(/\ufffd+$/, '');
    return problemAt(createSourceText(path, text), { start: valid.length, end: valid.length + 1 }, notUtf8);
  }
  const source = createSourceText(path, text);
  const control = forbidden.exec(text);
  return control === null
    ? source
    : problemAt(source, { start: control.index, end: control.index + 1 }, controlCharacter(control[0]));
}

/** Text that a manifest refers to; undefined when it is not UTF-8. */
export function decodeUtf8(content: Uint8Array): string | undefined {
  return firstInvalidByte(content) === undefined
    ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(content)
    : undefined;
}

function isUtf16(content: Uint8Array): boolean {
  const [first, second] = content;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return marked || (content.length > 1 && (first === 0) !== (second === 0));
}

function firstInvalidByte(content: Uint8Array): number | undefined {
  const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(content));
  const length = Math.max(again.length, content.length);
  for (let at = 0; at < length; at++) if (again[at] !== content[at]) return at;
  return undefined;
}

function wholeFile(file: string, fault: Fault): Problem {
  return problemAt(createSourceText(file, ''), { start: 0, end: 1 }, fault);
}

function tooLarge(bytes: number): Fault {
  return {
    code: 'E1001',
    message: `the file has ${bytes} bytes, more than the ${sizeLimit} that a manifest may have`,
    hint: 'split it into several files',
  };
}

const notUtf8: Fault = {
  code: 'E1002',
  message: 'the file is not valid UTF-8',
  hint: 'save it as UTF-8',
};

function otherUnicode([first, second, third, fourth]: Uint8Array): Fault {
  const isWide = third === 0 && fourth === 0 && first === 0xff && second === 0xfe;
  const message = `the file is ${isWide ? 'UTF-32' : 'UTF-16'}, not UTF-8`;
  return { code: 'E1003', message, hint: 'save it as UTF-8' };
}

function controlCharacter(char: string): Fault {
  const name = `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  return {
    code: 'E1004',
    message: `control character ${name} in the file`,
    hint:
      char === '\r' ? 'end lines with LF or CRLF' : 'remove it, or write it as an escape in double quotes',
  };
}
