/** A commit id as people write it; a folder's content hash keeps its kind. */
export function shortRevision(revision: string): string {
  const [kind, hash] = revision.split(':', 2);
  return hash === undefined ? (kind ?? '').slice(0, 12) : `${kind}:${hash.slice(0, 12)}`;
}

/** A container or image id. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** `2026-01-31 12:00:00Z`. */
export function shortTime(time: string | null): string {
  return time === null ? '' : `${time.slice(0, 19).replace('T', ' ')}Z`;
}

/** `850ms`, `12s`, `3m4s`, `2h5m`. */
export function shortDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}
