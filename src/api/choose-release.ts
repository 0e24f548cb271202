import type { App } from '../desired/app.ts';
import { showValue } from '../desired/shown-text.ts';
import type { ReleaseRecord } from '../history/memory-store.ts';
import type { AppMemory, Release } from '../observed/memory.ts';
import { isSameRelease } from '../plan/release.ts';
import { ProblemError } from './problem.ts';

/** What a rollback may choose from. */
export interface Choice {
  readonly app: string;
  readonly memory: AppMemory<App>;
  /** Releases that were healthy, newest first. */
  readonly releases: readonly ReleaseRecord[];
  /** A commit id or spec hash, or the beginning of one. */
  readonly to?: string | undefined;
}

/** The release before the serving one, or the one that `to` names. */
export function chooseRelease(choice: Choice): Release<App> {
  const serving = choice.memory.pin ?? choice.memory.lastHealthy;
  const releases = choice.releases.map(({ release }) => release);
  const chosen =
    choice.to === undefined
      ? releaseBefore(choice.app, serving, releases)
      : releaseNamed(choice.app, choice.to, releases);
  if (!isSameRelease(serving, chosen) || serving?.revision !== chosen.revision) return chosen;
  throw new ProblemError(
    409,
    'AlreadyServing',
    `${choice.app} already serves the release of ${chosen.revision}`,
    `plimsoll history ${choice.app} lists its deployments`,
  );
}

function releaseBefore(
  app: string,
  serving: Release<App> | undefined,
  releases: readonly Release<App>[],
): Release<App> {
  const place = releases.findIndex((release) => isSameRelease(serving, release));
  const before = releases.slice(place + 1).find((release) => !isSameRelease(serving, release));
  if (before) return before;
  throw new ProblemError(
    409,
    'NoEarlierRelease',
    `${app} has no earlier release that was healthy`,
    'change the manifest in git instead',
  );
}

function releaseNamed(app: string, to: string, releases: readonly Release<App>[]): Release<App> {
  const found = releases.filter(
    ({ revision, specHash }) => revision.startsWith(to) || specHash.startsWith(to),
  );
  const [chosen, other] = found;
  if (!chosen)
    throw new ProblemError(
      404,
      'UnknownRelease',
      `${app} has no release ${showValue(to)} that was healthy`,
      releases.length > 0
        ? `known are the releases of ${releases.map(({ revision }) => revision.slice(0, 12)).join(', ')}`
        : 'none is known yet',
    );
  if (other && other.revision !== chosen.revision)
    throw new ProblemError(
      409,
      'AmbiguousRelease',
      `${showValue(to)} begins the name of ${found.length} releases of ${app}`,
      'give more of the commit id',
    );
  return chosen;
}
