export interface TarFile {
  /** Absolute or relative to where it is unpacked. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Octal permission bits. */
  readonly mode: number;
}

const block = 512;

/** A tar archive (ustar, with pax headers for long names) of plain files that belong to root. */
export function tarOf(files: readonly TarFile[]): Buffer {
  return Buffer.concat([...files.flatMap(entry), Buffer.alloc(2 * block)]);
}

function entry({ path, content, mode }: TarFile): Buffer[] {
  const name = path.replace(/^\/+/, '');
  const bytes = Buffer.from(content);
  const plain = Buffer.byteLength(name) <= 100;
  return [
    ...(plain ? [] : paxName(name)),
    header(plain ? name : 'long-name', bytes.length, mode, '0'),
    padded(bytes),
  ];
}

/** `LENGTH path=NAME\n`, where the length counts itself. */
function paxName(name: string): Buffer[] {
  const rest = Buffer.byteLength(` path=${name}\n`);
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  const record = Buffer.from(`${length} path=${name}\n`);
  return [header('pax', record.length, 0o644, 'x'), padded(record)];
}

function header(name: string, size: number, mode: number, kind: string): Buffer {
  const head = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    head.write(value.toString(8).padStart(length - 1, '0'), at, 'ascii');
  };
  head.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  // The checksum is taken with its own field full of spaces.
  head.write('        ', 148);
  head.write(kind, 156);
  head.write('ustar\u000000', 257);
  octal(
    head.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  head[154] = 0;
  return head;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((block - (bytes.length % block)) % block)]);
}

export type TarEntry =
  | { readonly kind: 'file'; readonly mode: number; readonly content: Buffer }
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'other' };

/** The first entry of an archive; what only describes it (long names, pax) is passed over. */
export function firstEntry(archive: Buffer): TarEntry | undefined {
  for (let at = 0; at + block <= archive.length; ) {
    const head = archive.subarray(at, at + block);
    const size = octalOf(head, 124, 12);
    const kind = String.fromCharCode(head[156] ?? 0);
    const content = archive.subarray(at + block, at + block + size);
    if (kind === '0' || kind === '\0') return { kind: 'file', mode: octalOf(head, 100, 8) & 0o7777, content };
    if (kind === '2') return { kind: 'link', to: head.toString('utf8', 157, 257).replace(/\0.*$/s, '') };
    if (!'xgLK'.includes(kind)) return { kind: 'other' };
    at += block + size + ((block - (size % block)) % block);
  }
  return undefined;
}

function octalOf(head: Buffer, at: number, length: number): number {
  const text = head.toString('ascii', at, at + length).replace(/[\0 ].*$/s, '');
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : 0;
}
