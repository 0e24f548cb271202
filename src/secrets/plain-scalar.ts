import { readGoScalar } from './go-scalar.ts';
import type { SopsType } from './sops-value.ts';

/** A decrypted value as YAML that reads as the same again, also for SOPS; text of several lines as a block. */
export function writeScalar(
  plain: string,
  type: SopsType,
  {
    indent,
    isFlow,
    isAlone,
  }: { readonly indent: number; readonly isFlow: boolean; readonly isAlone: boolean },
): string {
  if (type === 'bool') return plain.toLowerCase();
  if ((type === 'int' || type === 'float') && readGoScalar(plain).type === type) return plain;
  if (isPlainWord(plain) && !isFlow) return plain;
  if (!isFlow && isAlone && isBlock(plain)) return writeBlock(plain, ' '.repeat(indent + 2));
  return quote(plain);
}

/** Needs no quotes in any version of YAML. */
function isPlainWord(text: string): boolean {
  return (
    /^[A-Za-z_/.][\w./@+=:~,$!^*()-]*$/.test(text) &&
    !text.endsWith(':') &&
    readGoScalar(text).type === 'str' &&
    !/^(?:y|n|yes|no|on|off)$/i.test(text) &&
    // It would be taken for a ciphertext.
    !text.startsWith('ENC')
  );
}

/** Line breaks at the end are kept by one more than there are: blank lines that follow would count as well. */
function isBlock(text: string): boolean {
  return (
    /[^\n]\n./s.test(text) &&
    !text.endsWith('\n\n') &&
    !text.split('\n').some((line) => unprintable.test(line))
  );
}

const unprintable =
  /[^\t\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** The header says how far the text is indented where its first line begins with a blank. */
function writeBlock(text: string, indent: string): string {
  const isEnded = text.endsWith('\n');
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n');
  const header = `|${/^[ \t\n]/.test(text) ? '2' : ''}${isEnded ? '' : '-'}`;
  return [header, ...lines.map((line) => (line === '' ? '' : `${indent}${line}`))].join('\n');
}

/** JSON is YAML, but for characters that YAML wants escaped. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
