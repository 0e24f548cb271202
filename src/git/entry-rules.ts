/** What of a repository is read; the same for a commit and for a plain folder. */
export const limits = {
  /** Files and folders walked; more is an error, not a part of them. */
  entries: 20_000,
  /** Bytes of a manifest; a longer one is cut one byte after, so that it is seen to be too long. */
  manifest: 1024 * 1024,
  /** Bytes of any other file; a longer one is left out. */
  file: 256 * 1024,
  /** Bytes of all other files together; those after, in the order of their paths, are left out. */
  total: 64 * 1024 * 1024,
} as const;

export function isManifest(path: string): boolean {
  return /(^|\/)app\.ya?ml$/.test(path);
}

/** Names that are never read: hidden files, git's and npm's own folders, and what no honest repository holds. */
export function isSkipped(name: string, kind: 'file' | 'folder'): boolean {
  if (!isPlainName(name)) return true;
  return kind === 'folder' ? name === '.git' || name === 'node_modules' : name.startsWith('.');
}

/** U+FFFD stands where a name was no UTF-8: two such names could become one. */
function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\p{Cc}\ufffd\\/]/u.test(name);
}

/** The bytes to keep of a file, or undefined when it is left out. */
export function kept(path: string, content: Uint8Array): Uint8Array | undefined {
  if (isManifest(path))
    return content.length > limits.manifest ? content.slice(0, limits.manifest + 1) : content;
  return content.length > limits.file ? undefined : content;
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
