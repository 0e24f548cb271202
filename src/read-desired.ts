import type { Desired, Snapshot } from './desired/desired.ts';
import type { LoadContext, Loader } from './desired/load-desired.ts';
import type { OpenedSecret, SealedSecret } from './desired/secret.ts';
import type { RouteTable } from './observed/observed.ts';
import type { Secrets } from './secrets/secrets.ts';

/** Manifests to apps, with what this host's secrets open to. The same object as long as nothing changed. */
export type ReadDesired = (snapshot: Snapshot, routes: RouteTable) => Promise<Desired>;

interface Last {
  readonly snapshot: Snapshot;
  readonly routes: RouteTable;
  readonly opened: string;
  readonly value: Desired;
}

export function createDesiredReader(
  loader: Loader,
  secrets: Pick<Secrets, 'open'>,
  context: Omit<LoadContext, 'incumbents' | 'opened'>,
): ReadDesired {
  const sealed = new WeakMap<Snapshot, readonly SealedSecret[]>();
  let last: Last | undefined;

  return async (snapshot, routes) => {
    const found = sealed.get(snapshot) ?? loader.secrets(snapshot);
    sealed.set(snapshot, found);
    const opened = found.length === 0 ? new Map<string, OpenedSecret>() : await secrets.open(found);
    const state = stateOf(opened);
    if (last?.snapshot === snapshot && last.routes === routes && last.opened === state) return last.value;
    const incumbents = new Map(routes.map((route) => [`${route.host} ${route.path}`, route.app]));
    const value = loader.load(snapshot, { ...context, incumbents, opened });
    last = { snapshot, routes, opened: state, value };
    return value;
  };
}

/** Values of other managers may change without a commit, and so may what our identities open. */
function stateOf(opened: ReadonlyMap<string, OpenedSecret>): string {
  return JSON.stringify(
    [...opened].map(([name, secret]) => [name, 'versions' in secret ? secret.versions : secret]),
  );
}
