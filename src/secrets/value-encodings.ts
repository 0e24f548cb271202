import { escapeText } from '../desired/shown-text.ts';

/** Shorter values are not looked for inside of other text: too much would be hidden that is no secret. */
export const shortestValue = 4;

/** Everything that a value looks like in logs, URLs, JSON, command lines and headers. */
export function encodingsOf(value: string): ReadonlySet<string> {
  // What encloses the rest in any encoding encloses that of the rest.
  const whole = value.trim();
  const found = new Set<string>();
  if (whole.length < shortestValue) return found;
  for (const text of [whole, ...linesOf(whole)]) for (const form of textForms(text)) found.add(form);
  for (const form of [...urlForms(whole), ...base64Forms(whole), ...hexForms(whole)]) found.add(form);
  for (const form of found) if (form.length < shortestValue) found.delete(form);
  return found;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r\n|[\n\r]/);
  return lines.length === 1 ? [] : lines.map((line) => line.trim()).filter((line) => line.length >= 4);
}

/** As it is, and as quoted in the usual languages; most values look the same in all of them. */
function textForms(text: string): readonly string[] {
  const json = inner(JSON.stringify(text));
  const goJson = json.replace(/[<>&\u2028\u2029]/g, unicodeEscape);
  const asciiJson = json.replace(/[\u007f-\uffff]/g, unicodeEscape);
  return [
    text,
    text.replaceAll(/\r?\n/g, '\r\n'),
    json,
    json.replaceAll('/', '\\/'),
    // YAML in double quotes: a space at the end of a line would be folded away.
    json.replaceAll(' \\n', '\\ \\n'),
    goJson,
    asciiJson,
    asciiJson.replaceAll(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`),
    // JSON as a text inside of JSON: a log line that is quoted in another.
    inner(JSON.stringify(json)),
    escapeText(text),
    inner(JSON.stringify(escapeText(text))),
    // YAML and SQL; shells, in single quotes, in double quotes and without; C and Python in single quotes.
    text.replaceAll("'", "''"),
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/["$`\\]/g, '\\$&'),
    text.replaceAll(/[\s'"\\|&;()<>!{}*[\]?^$`,]/g, '\\$&'),
    text.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'),
    ...['&quot;', '&#34;'].flatMap((quote) =>
      ['&#39;', '&#x27;', '&apos;', "'"].map((apostrophe) => htmlForm(text, quote, apostrophe)),
    ),
    ...foldedForms(text),
  ];
}

/**
 * YAML over several lines, as a block and in quotes, where one more line break stands for each run of them. It
 * tells for values whose lines are too short to be found each by itself.
 */
function foldedForms(text: string): readonly string[] {
  if (!text.includes('\n')) return [];
  const quoted = text.replaceAll("'", "''");
  return ['', '  ', '    ', '      ', '        '].flatMap((indent) => [
    text.replaceAll(/\n+/g, `$&${indent}`),
    quoted.replaceAll(/\n+/g, `$&\n${indent}`),
  ]);
}

function inner(quoted: string): string {
  return quoted.slice(1, -1);
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function htmlForm(text: string, quote: string, apostrophe: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', quote)
    .replaceAll("'", apostrophe);
}

/** What different programs leave unescaped besides letters, digits, `-`, `.` and `_`. */
const urlSafe: readonly string[] = [
  '~', // RFC 3986: Go's and PHP's query, Python with safe=''
  "!'()*~", // encodeURIComponent
  '*', // forms of browsers
  '/~', // Python's quote
  '$&+=:@~', // Go's path segment
  '$&+,;=~', // Go's user and password
  "!$&'()*+,~%", // WHATWG user and password
  ";,/?:@&=+$!'()*~#", // encodeURI
  '',
];

function urlForms(text: string): readonly string[] {
  return urlSafe.flatMap((safe) => {
    const form = percentEncode(text, safe);
    const lower = form.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
    return [form, lower, form.replaceAll('%20', '+'), lower.replaceAll('%20', '+')];
  });
}

function percentEncode(text: string, safe: string): string {
  if (/^[A-Za-z0-9._-]*$/.test(text)) return text;
  let encoded = '';
  for (const char of text)
    encoded +=
      /[A-Za-z0-9._-]/.test(char) || safe.includes(char)
        ? char
        : [...Buffer.from(char)]
            .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
            .join('');
  return encoded;
}

/**
 * The characters that only this value decides, at each of the three places where it can begin in a group of
 * three bytes: so it is found inside of other text that was encoded as a whole. And the lines of a wrapped text.
 */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const cores = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const from = Math.ceil((before * 8) / 6);
    return encoded.slice(from, Math.floor(((before + bytes.length) * 8) / 6));
  });
  const [aligned = ''] = cores;
  const wrapped = [64, 76].flatMap((width) => (aligned.length > width ? piecesOf(aligned, width) : []));
  return [...cores, ...wrapped].flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_'),
    form.replaceAll('+', '%2B').replaceAll('/', '%2F'),
    form.replaceAll('/', '\\/'),
  ]);
}

/** A last piece of a few characters says nothing, and would be found everywhere. */
function piecesOf(text: string, width: number): readonly string[] {
  const count = Math.ceil(text.length / width);
  return Array.from({ length: count }, (_, at) => text.slice(at * width, (at + 1) * width)).filter(
    (piece) => piece.length >= 8,
  );
}

function hexForms(text: string): readonly string[] {
  const hex = Buffer.from(text).toString('hex');
  return [hex, hex.toUpperCase()];
}
