/** What of a repository is read; the same for a commit and for a plain folder. */
export const limits = {
  /** Bytes of a manifest; a longer one is cut one byte after, so that it is seen to be too long. */
  manifest: 1024 * 1024,
  /** Bytes of all other files together; those after, in the order of their paths, are left out. */
  total: 64 * 1024 * 1024,
  /** Bytes of one name, and of a whole path, as most file systems have them. */
  name: 255,
  path: 1024,
} as const;

export function isManifest(path: string): boolean {
  return /(^|\/)app\.ya?ml$/.test(path);
}

/** Names that are never read: hidden files, git's and npm's own folders, and what no honest repository holds. */
export function isSkipped(name: string, kind: 'file' | 'folder'): boolean {
  return strangeName(name) !== undefined || isPassedOver(name, kind);
}

/** What is meant not to be read, so that nobody need be told. */
export function isPassedOver(name: string, kind: 'file' | 'folder'): boolean {
  return kind === 'folder' ? name === '.git' || name === 'node_modules' : name.startsWith('.');
}

/** Why no honest repository holds an entry of this name; undefined for a plain one. */
export function strangeName(name: string): string | undefined {
  if (name === '') return 'it has no name';
  if (name === '.' || name === '..') return 'its name leads elsewhere';
  // U+FFFD stands where a name was no UTF-8: two such names could become one.
  if (name.includes('\ufffd')) return 'its name is no UTF-8';
  if (/[\\/]/.test(name)) return 'its name holds a slash or backslash';
  if (/\p{Cc}/u.test(name)) return 'its name holds control characters';
  if (Buffer.byteLength(name) > limits.name) return `its name is longer than ${limits.name} bytes`;
  return undefined;
}

/** The bytes to keep of a file, or undefined when it is left out for being longer than `most`. */
export function kept(path: string, content: Uint8Array, most: number): Uint8Array | undefined {
  if (isManifest(path))
    return content.length > limits.manifest ? content.slice(0, limits.manifest + 1) : content;
  return content.length > most ? undefined : content;
}

/** Takes files in order until the total is reached; manifests are always taken. */
export function createBudget(): (path: string, size: number) => boolean {
  let left: number = limits.total;
  return (path, size) => {
    if (isManifest(path)) return true;
    if (size > left) return false;
    left -= size;
    return true;
  };
}

export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
