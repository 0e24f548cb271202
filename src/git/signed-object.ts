import { createHash } from 'node:crypto';

/** A commit or an annotated tag as it is stored: without the `commit 123\0` before it, byte for byte. */
export interface SignedObject {
  readonly kind: 'commit' | 'tag';
  /** Its full id, 40 digits or, in a SHA-256 repository, 64. */
  readonly id: string;
  readonly text: Uint8Array;
}

export type SignatureKind = 'ssh' | 'openpgp';

/** What was signed, and the signature; or why nobody can say so. */
export type SplitObject =
  | {
      readonly kind: SignatureKind;
      readonly payload: Uint8Array;
      /** Whole, in lines that end with a line feed. */
      readonly armor: string;
    }
  | { readonly kind: 'refused'; readonly why: string };

/** What a tag says of itself, once its signature was checked. */
export interface TagContent {
  readonly object: string;
  readonly type: string;
  readonly name: string;
}

/** Objects with longer text are not looked at; a long merge of signed tags has some 100 KiB. */
const maxText = 4 * 1024 * 1024;
const maxArmor = 64 * 1024;

/**
 * Takes a signature off an object as git does (parse_buffer_signed_by_header in its commit.c, parse_signature in
 * gpg-interface.c), and refuses the forms in which programs could differ about what is signed.
 */
export function splitSignature(object: SignedObject): SplitObject {
  if (object.text.length > maxText) return refused(`it is larger than ${maxText / 1024 / 1024} MiB`);
  if (!isItself(object)) return refused('its content is not the one that its id names');
  // One character a byte, both ways: nothing is lost, whatever encoding the message has.
  const text = Buffer.from(object.text).toString('latin1');
  const parts = object.kind === 'commit' ? splitCommit(text, object.id) : splitTag(text);
  if ('why' in parts) return refused(parts.why);
  return toSignature(parts);
}

/** The headers of a tag whose signature was checked; undefined for what is no tag. */
export function readTag(text: Uint8Array): TagContent | undefined {
  const found = parseHeaders(Buffer.from(text).toString('utf8'), tagHeaders);
  if (found === undefined) return undefined;
  const value = (wanted: string) =>
    found.headers
      .find(({ name }) => name === wanted)
      ?.lines.join('\n')
      .slice(wanted.length + 1) ?? '';
  return { object: value('object'), type: value('type'), name: value('tag') };
}

interface Parts {
  readonly payload: string;
  readonly armor: string;
}

type Split = Parts | { readonly why: string };

interface Header {
  readonly name: string;
  /** The lines as they stand, the name included; all but the first begin with a space. */
  readonly lines: readonly string[];
}

/** The names in their order, each with a space after it. */
const commitHeaders = /^tree (?:parent )*author committer (?!(?:.* )?(?:tree|parent|author|committer) )/;
const tagHeaders = /^object type tag (?:tagger )?(?!(?:.* )?(?:object|type|tag|tagger) )/;

const signatureHeaders: readonly string[] = ['gpgsig', 'gpgsig-sha256'];

function splitCommit(text: string, id: string): Split {
  const found = parseHeaders(text, commitHeaders);
  if (found === undefined) return { why: 'it is no well-formed commit' };
  const { headers, rest } = found;
  const why = whyDoubtful(headers);
  if (why !== undefined) return { why };
  // The other one is over what the commit is in a repository with the other kind of ids.
  const ours = id.length === 64 ? 'gpgsig-sha256' : 'gpgsig';
  const signature = headers.find(({ name }) => name === ours);
  if (signature === undefined) return { why: 'it is not signed' };
  const armor = signature.lines.map((line, index) => line.slice(index === 0 ? ours.length + 1 : 1));
  return { payload: withoutSignatures(headers, rest), armor: `${armor.join('\n')}\n` };
}

/** The last line that begins a signature begins it: what stands before is signed. */
function splitTag(text: string): Split {
  const begins = [
    ...text.matchAll(/^-----BEGIN (?:SSH SIGNATURE|PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE)-----/gm),
  ];
  const at = begins.at(-1)?.index;
  const found = parseHeaders(text.slice(0, at), tagHeaders);
  if (found === undefined) return { why: 'it is no well-formed tag' };
  const why = whyDoubtful(found.headers);
  if (why !== undefined) return { why };
  if (at === undefined) return { why: 'it is not signed' };
  return { payload: withoutSignatures(found.headers, found.rest), armor: text.slice(at) };
}

/** The headers and the rest with the empty line before it; undefined when they are not in the form that git writes. */
function parseHeaders(
  text: string,
  form: RegExp,
): { readonly headers: readonly Header[]; readonly rest: string } | undefined {
  const end = text.indexOf('\n\n');
  if (end < 0 || text.startsWith(' ') || text.slice(0, end).includes('\0')) return undefined;
  const headers: { name: string; lines: string[] }[] = [];
  for (const line of text.slice(0, end).split('\n')) {
    if (line.startsWith(' ')) headers.at(-1)?.lines.push(line);
    else headers.push({ name: line.split(' ', 1)[0] ?? '', lines: [line] });
  }
  const names = headers.map(({ name }) => `${name} `).join('');
  return form.test(names) ? { headers, rest: text.slice(end + 1) } : undefined;
}

function whyDoubtful(headers: readonly Header[]): string | undefined {
  const names = headers.map(({ name }) => name).filter((name) => name.startsWith('gpgsig'));
  // git leaves these out of what is signed and reads nothing from them.
  if (names.some((name) => !signatureHeaders.includes(name)))
    return 'it has a signature header that git does not know';
  return new Set(names).size < names.length ? 'it bears more than one signature' : undefined;
}

function withoutSignatures(headers: readonly Header[], rest: string): string {
  const kept = headers.filter(({ name }) => !signatureHeaders.includes(name));
  return `${kept.flatMap(({ lines }) => lines).join('\n')}\n${rest}`;
}

/** Kinds of signature by their first line. */
const armors: readonly (readonly [string, string, SignatureKind | { readonly why: string }])[] = [
  ['-----BEGIN SSH SIGNATURE-----', '-----END SSH SIGNATURE-----', 'ssh'],
  ['-----BEGIN PGP SIGNATURE-----', '-----END PGP SIGNATURE-----', 'openpgp'],
  ['-----BEGIN PGP MESSAGE-----', '', { why: 'it bears an OpenPGP message in place of a signature' }],
  [
    '-----BEGIN SIGNED MESSAGE-----',
    '',
    { why: 'X.509 signatures are not supported: sign with an SSH or OpenPGP key' },
  ],
];

function toSignature({ payload, armor }: Parts): SplitObject {
  if (armor.length > maxArmor) return refused(`its signature is larger than ${maxArmor / 1024} KiB`);
  const lines = armor.trimEnd().split(/\r?\n/);
  const found = armors.find(([begin]) => lines[0]?.trimEnd() === begin);
  if (found === undefined) return refused('its signature is of a kind that is not supported');
  const [begin, end, kind] = found;
  if (typeof kind === 'object') return refused(kind.why);
  const inner = lines.slice(1, -1);
  if (lines.at(-1)?.trimEnd() !== end)
    return refused(lines.includes(end) ? 'something follows its signature' : 'its signature is cut off');
  if (inner.some((line) => line.startsWith('-----'))) return refused('it bears more than one signature');
  const clean = [begin, ...inner, end].map((line) => `${line}\n`).join('');
  return { kind, payload: Buffer.from(payload, 'latin1'), armor: clean };
}

function isItself({ kind, id, text }: SignedObject): boolean {
  const hash = createHash(id.length === 64 ? 'sha256' : 'sha1')
    .update(`${kind} ${text.length}\0`)
    .update(text);
  return hash.digest('hex') === id;
}

function refused(why: string): SplitObject {
  return { kind: 'refused', why };
}
