import type { App } from '../desired/app.ts';
import { specHash, valueHash } from '../desired/spec-hash.ts';
import type { AppMemory, Quarantine, Release } from '../observed/memory.ts';
import type { Container, Image } from '../observed/observed.ts';

/** The release an app is being brought to, and why it is that one. */
export interface Target {
  readonly app: App;
  readonly specHash: string;
  /** Absent until the image is known on this host. */
  readonly imageId: string | undefined;
  readonly revision: string;
  readonly from: 'git' | 'pin' | 'rollback' | 'memory';
}

const hashes = new WeakMap<App, string>();
const keys = new WeakMap<App, string>();

/** `specHash` of an app's container fields, computed once for each value. */
export function hashOf(app: App): string {
  return remember(hashes, app, () => specHash(app.container));
}

/** Nothing but their place in the file differs. */
export function isSameApp(a: App, b: App): boolean {
  return a === b || releaseKey(a) === releaseKey(b);
}

/** Equal for two apps exactly when nothing but their place in the file differs; a digest, because one of each app stays. */
export function releaseKey(app: App): string {
  return remember(keys, app, () =>
    valueHash({
      ...app,
      origin: undefined,
      domains: app.domains.map((domain) => ({ ...domain, origin: undefined })),
    }),
  );
}

function remember(cache: WeakMap<App, string>, app: App, compute: () => string): string {
  const known = cache.get(app);
  if (known !== undefined) return known;
  const value = compute();
  cache.set(app, value);
  return value;
}

/**
 * The image a spec hash stands for. With `pull: always` it is what the tag means on this host now; otherwise a
 * release keeps the image it was first made with, even when its tag has moved since.
 */
export function resolveImage(
  app: App,
  hash: string,
  containers: readonly Container[],
  memory: AppMemory<App>,
  images: Readonly<Record<string, Image>>,
): string | undefined {
  const local = images[app.container.image]?.id;
  if (app.pull === 'always') return local;
  const made = containers.filter((container) => container.specHash === hash);
  const kept = made.find(isPublished) ?? made[0];
  if (kept) return kept.imageId;
  const recorded = [memory.lastHealthy, memory.pin].find((release) => release?.specHash === hash);
  if (recorded && images[recorded.imageId]) return recorded.imageId;
  return local;
}

/** The app's name means this container: it is of a release that passed its gate. */
export function isPublished(container: Container): boolean {
  return container.live.aliases.includes(container.app);
}

export function isSameRelease(
  a: { readonly specHash: string; readonly imageId?: string | undefined } | undefined,
  b: { readonly specHash: string; readonly imageId?: string | undefined },
): boolean {
  return a !== undefined && a.specHash === b.specHash && a.imageId === b.imageId;
}

/** A quarantine without an image (it never became known) holds every image of that spec hash. */
export function isQuarantined(
  quarantine: Quarantine | undefined,
  wanted: { readonly specHash: string; readonly imageId?: string | undefined },
): quarantine is Quarantine {
  if (quarantine?.specHash !== wanted.specHash) return false;
  return (
    quarantine.imageId === undefined || wanted.imageId === undefined || quarantine.imageId === wanted.imageId
  );
}

export function toTarget(release: Release<App>, from: Target['from']): Target {
  return {
    app: release.app,
    specHash: release.specHash,
    imageId: release.imageId,
    revision: release.revision,
    from,
  };
}
