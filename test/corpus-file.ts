import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** One case of a corpus: what comes in, and all that is said to it, exactly. */
export interface CorpusCase {
  /** Its intent. */
  readonly title: string;
  /** `===` in the file: the input is whole; `==`: the driver puts before it what such cases begin with. */
  readonly whole: boolean;
  readonly lines: readonly string[];
  readonly expected: readonly string[];
}

export type Answer = (one: CorpusCase) => readonly string[] | Promise<readonly string[]>;

const update = process.env.UPDATE_GOLDEN === '1';

/**
 * Makes a test of every case in the text files of a folder. A file is read by people: `== title` or `=== title`
 * begins a case, its lines follow, then the answer, each line of it after `=>`. What stands before the first case
 * tells what they share. UPDATE_GOLDEN=1 writes today's answers; a person reads the difference.
 */
export function testCorpus(folder: URL, answer: Answer): void {
  for (const name of corpusFiles(folder)) {
    const file = new URL(name, folder);
    const text = readFileSync(file, 'utf8');
    const cases = readCases(text);
    const told = new Map<CorpusCase, readonly string[]>();
    for (const one of cases) {
      test(`${name}: ${one.title}`, async () => {
        const said = (await answer(one)).flatMap((part) => part.split('\n'));
        if (update) told.set(one, said);
        else assert.is(said.join('\n'), one.expected.join('\n'));
      });
    }
    test(`${name}: no two cases are one`, () => {
      assert.is(new Set(cases.map(({ title }) => title)).size, cases.length, 'a title is there twice');
      const inputs = cases.map(({ title, whole, lines }) => {
        const input = lines.join('\n').trim();
        return `${whole} ${input === '' ? title : input}`;
      });
      const twice = cases.filter((_, index) => inputs.indexOf(inputs[index] ?? '') !== index);
      assert.equal(
        twice.map(({ title }) => title),
        [],
      );
      if (update) writeFileSync(file, withAnswers(text, cases, told));
    });
  }
}

export function corpusFiles(folder: URL): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort();
}

const heading = /^(?=={2,3} )/m;

export function readCases(text: string): readonly CorpusCase[] {
  const [first = '', ...chunks] = text.split(heading);
  return (/^={2,3} /.test(first) ? [first, ...chunks] : chunks).map((chunk) => {
    const [title = '', ...rest] = chunk.replace(/\n+$/, '').split('\n');
    return {
      title: title.replace(/^=+ /, ''),
      whole: title.startsWith('=== '),
      lines: rest.filter((line) => !isAnswer(line)),
      expected: rest.filter(isAnswer).map((line) => line.slice(3)),
    };
  });
}

function isAnswer(line: string): boolean {
  return line === '=>' || line.startsWith('=> ');
}

function withAnswers(
  text: string,
  cases: readonly CorpusCase[],
  told: ReadonlyMap<CorpusCase, readonly string[]>,
): string {
  const intro = text.split(heading)[0] ?? '';
  const written = cases.map((one) =>
    [
      `${one.whole ? '===' : '=='} ${one.title}`,
      ...one.lines.join('\n').trimEnd().split('\n'),
      ...(told.get(one) ?? one.expected).map((line) => `=> ${line}`.trimEnd()),
      '',
    ].join('\n'),
  );
  return intro + written.join('\n');
}

/**
 * The files among the lines: `-- path` begins one (escapes are read in a path), `-- path bytes` one that is written with escapes: `\xff`, `\u{202e}`,
 * `\n`, `\r`, `\t`, `\\`, and `\<300:text>` for repeated text with `#` for its number; a backslash at the end of a line
 * takes the line feed away. Parts with one path are one file.
 */
export function splitFiles(lines: readonly string[], first: string): Readonly<Record<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let path = first;
  let form: string | undefined;
  let text: string[] = [];
  const end = () => {
    if (path === first && text.length === 0) return;
    const content = text.length === 0 ? '' : `${text.join('\n')}\n`;
    const bytes = form === 'bytes' ? unescaped(content) : new TextEncoder().encode(content);
    files.set(path, Buffer.concat([files.get(path) ?? Uint8Array.of(), bytes]));
  };
  for (const line of lines) {
    const begun = /^-- (\S+)(?: (bytes))?$/.exec(line);
    if (begun === null) text.push(line);
    else {
      end();
      [, , form] = begun;
      path = new TextDecoder().decode(unescaped(begun[1] ?? ''));
      text = [];
    }
  }
  end();
  return Object.fromEntries(files);
}

const escapes = /\\(?:x([0-9a-f]{2})|u\{([0-9a-f]+)\}|<(\d+):((?:\\.|[^>])*)>|([\s\S]))/g;
const single: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\n': '', '\\': '\\' };

/** Bytes above 0x7f are kept apart from the characters of these numbers until the end. */
function unescaped(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  const add = (part: string | Uint8Array) =>
    parts.push(typeof part === 'string' ? new TextEncoder().encode(part) : part);
  for (const found of text.matchAll(escapes)) {
    const [whole, byte, point, times, repeated = '', char = ''] = found;
    add(text.slice(at, found.index));
    at = found.index + whole.length;
    if (byte !== undefined) add(Uint8Array.of(Number.parseInt(byte, 16)));
    else if (point !== undefined) add(String.fromCodePoint(Number.parseInt(point, 16)));
    else if (times !== undefined) add(repeat(repeated, Number(times)));
    else if (single[char] === undefined) throw new Error(`no escape: ${whole}`);
    else add(single[char]);
  }
  add(text.slice(at));
  return Buffer.concat(parts);
}

function repeat(text: string, times: number): string {
  const parts = Array.from({ length: times }, (_, index) => text.replaceAll('#', String(index)));
  return new TextDecoder().decode(unescaped(parts.join('')));
}
