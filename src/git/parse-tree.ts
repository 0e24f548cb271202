export interface TreeEntry {
  /** `odd` has a mode that git does not write. */
  readonly kind: 'file' | 'folder' | 'link' | 'submodule' | 'odd';
  readonly name: string;
  /** Object id in hex. */
  readonly id: string;
}

/**
 * The entries of a tree object's bytes. Our own, because the library refuses a whole tree for one odd name in it.
 * Format: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
 */
export function parseTree(bytes: Uint8Array): TreeEntry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: TreeEntry[] = [];
  let at = 0;
  while (at < buffer.length) {
    const space = buffer.indexOf(0x20, at);
    const end = buffer.indexOf(0, space);
    const next = end + 1 + idLength;
    if (space < 0 || end < 0 || next > buffer.length) throw new Error('a tree object is damaged');
    const kind = kindOf(buffer.toString('latin1', at, space));
    const id = buffer.toString('hex', end + 1, next);
    entries.push({ kind, name: buffer.toString('utf8', space + 1, end), id });
    at = next;
  }
  return entries;
}

const idLength = 20;

function kindOf(mode: string): TreeEntry['kind'] {
  if (mode === '40000' || mode === '040000') return 'folder';
  if (mode === '120000') return 'link';
  if (mode === '160000') return 'submodule';
  return mode === '100644' || mode === '100755' || mode === '100664' ? 'file' : 'odd';
}
