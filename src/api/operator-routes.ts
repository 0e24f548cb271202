import { escapeText } from '../desired/shown-text.ts';
import { parseDuration } from '../desired/units.ts';
import { hashOf } from '../plan/release.ts';
import { type AppItem, findApp } from './app-item.ts';
import type { Call, Handlers } from './call.ts';
import { chooseRelease } from './choose-release.ts';
import type { ControllerPort } from './controller-port.ts';
import { isConverged, isReady } from './host-status.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { ProblemError } from './problem.ts';
import { chosenApps, visibleApps } from './visible-apps.ts';

/** What a look that somebody asked for came to. */
export interface ReconcileAnswer {
  /** Of the app when one was named, else of the host. */
  readonly converged: boolean;
  readonly look: number;
  readonly apps: readonly AppItem[];
}

export interface RollbackAnswer {
  readonly app: string;
  readonly release: { readonly revision: string; readonly specHash: string; readonly digest: string };
  /** What makes it permanent, for people. */
  readonly hint: string;
}

/** The operator's verbs: they start, hold, confirm or pin, and never write what should run. */
export function operatorRoutes(port: ControllerPort) {
  /** The app must be there for the caller; a look follows. */
  const verb =
    <K extends VerbId, A>(what: string, act: (port: ControllerPort, name: string, call: Call<K>) => A) =>
    (call: Call<K> & OfApp): A => {
      const { name } = knownApp(port, call.caller, call.params.name);
      const answer = act(port, name, call);
      port.loop.trigger(what);
      return answer;
    };
  return {
    reconcile: (call) => reconcile(port, call),
    approvePrune: ({ caller }) => approvePrune(port, caller.actor),
    suspendApp: verb('suspend', suspend),
    resumeApp: verb('resume', resume),
    rollbackApp: verb('rollback', rollback),
    approveApp: verb('approve', approve),
    restartApp: verb('restart', restart),
  } satisfies Partial<Handlers>;
}

type OfApp = { readonly params: { readonly name: string } };
type VerbId = 'suspendApp' | 'resumeApp' | 'rollbackApp' | 'approveApp' | 'restartApp';

async function reconcile(
  port: ControllerPort,
  { caller, body: { app, retry } }: Call<'reconcile'>,
): Promise<ReconcileAnswer> {
  if (app !== undefined) knownApp(port, caller, app);
  const seen = chosenApps(port, caller);
  const held = heldApps(port).filter((name) => seen?.has(name) ?? true);
  if (retry) for (const name of app === undefined ? held : [app]) port.history.retry(name, caller.actor);
  const { look, plan } = await port.loop.lookNow('reconcile');
  const items = visibleApps(port, caller).filter(({ name }) => app === undefined || name === app);
  const converged =
    app === undefined && !caller.limit
      ? isConverged(plan, items)
      : plan !== undefined && items.every(isReady);
  return { converged, look, apps: items };
}

/** Apps that a retry changes anything for. */
function heldApps({ history }: ControllerPort): string[] {
  return Object.entries(history.memory().apps)
    .filter(([, { quarantine, failure, healed, delivered }]) => quarantine || failure || healed || delivered)
    .map(([name]) => name);
}

function suspend(port: ControllerPort, name: string, { caller, body }: Call<'suspendApp'>) {
  const { reason, for: duration } = body;
  const length = duration === undefined ? undefined : parseDuration(duration);
  const until = length === undefined ? undefined : port.now() + length;
  port.history.suspend(name, {
    actor: caller.actor,
    reason: escapeText(reason),
    ...(until === undefined ? {} : { until }),
  });
  return { app: name, until: until === undefined ? null : new Date(until).toISOString() };
}

function resume(port: ControllerPort, name: string, { caller }: Call<'resumeApp'>) {
  const { suspended, pin } = port.history.memory().apps[name] ?? {};
  if (suspended || pin) port.history.resume(name, caller.actor);
  return {
    app: name,
    resumed: suspended !== undefined,
    unpinned: pin !== undefined,
    manifestSuspends: findApp(port, name)?.suspend ?? false,
  };
}

function rollback(port: ControllerPort, name: string, { caller, body }: Call<'rollbackApp'>): RollbackAnswer {
  const { to } = body;
  const wanted = findApp(port, name);
  seenWorld(port);
  if (!wanted)
    throw new ProblemError(
      409,
      'NotInGit',
      `${name} has no valid manifest in git, so there is nothing to hold a release against`,
      'mend the manifest first; its last healthy release goes on serving',
    );
  const memory = port.history.memory().apps[name] ?? { restarts: {} };
  const releases = port.history.releases(name);
  const release = chooseRelease({ app: name, memory, releases, to });
  const against = hashOf(wanted);
  if (release.specHash === against && !memory.pin)
    throw new ProblemError(
      409,
      'WantedByGit',
      `the release of ${release.revision} runs the same container as git wants now`,
      'what differs is in the routes or rollout settings: revert the commit in git',
    );
  port.history.pin(name, release, { actor: caller.actor, against });
  const cameIn = releases.find((one) => one.release.specHash === against)?.release.revision;
  const { specHash, imageId: digest, revision } = release;
  return {
    app: name,
    release: { revision, specHash, digest },
    hint: permanently(name, revision, cameIn ?? seenWorld(port).desired.revision),
  };
}

/** The commit that brought in what git wants now is the one to revert. */
function permanently(app: string, to: string, cameIn: string): string {
  const holds = `held until "plimsoll resume ${app}" or until git wants another release`;
  return /^[0-9a-f]{40,64}$/.test(cameIn)
    ? `${holds}; to make it permanent: git revert ${cameIn}`
    : `${holds}; to make it permanent put the folder back to what it was at ${to}`;
}

function approve(port: ControllerPort, name: string, { caller, body: { removal } }: Call<'approveApp'>) {
  const { desired } = seenWorld(port);
  const wanted = findApp(port, name);
  if (wanted && removal)
    throw new ProblemError(409, 'StillInGit', `${name} is in git, so nothing removes it`);
  if (wanted) {
    const specHash = hashOf(wanted);
    port.history.approve(name, { specHash }, caller.actor);
    return { app: name, approved: 'rollout' as const, release: specHash, revision: desired.revision };
  }
  if (desired.invalid.includes(name))
    throw new ProblemError(409, 'InvalidManifest', `the manifest of ${name} is invalid`, 'mend it in git');
  port.history.approve(name, { removal: true }, caller.actor);
  return { app: name, approved: 'removal' as const, release: null, revision: desired.revision };
}

function approvePrune(port: ControllerPort, actor: string) {
  const { desired } = seenWorld(port);
  const held = port.loop.status.plan?.pruneHeld;
  if (!held)
    throw new ProblemError(409, 'NothingHeld', `no removal of ${desired.revision} is held by prune.maxShare`);
  port.history.approvePrune(desired.revision, actor);
  port.loop.trigger('approve-prune');
  return { revision: desired.revision, apps: held.apps };
}

/** Each container of the app gives way to another one of its release, as in an update. */
function restart(port: ControllerPort, name: string, { caller, body: { replica } }: Call<'restartApp'>) {
  const { observed } = seenWorld(port);
  const running = observed.containers.filter(
    (one) => one.app === name && one.hook === undefined && one.state === 'running',
  );
  const chosen = running.filter((one) => replica === undefined || one.replica === replica);
  if (chosen.length === 0)
    throw new ProblemError(
      409,
      'NothingRuns',
      replica === undefined
        ? `${name} has no running container`
        : `${name} has no running replica ${replica}`,
      running.length > 0 ? `its replicas are ${running.map((one) => one.replica).join(', ')}` : undefined,
    );
  const containers = chosen.map(({ id }) => id);
  port.history.restart(name, containers, caller.actor);
  return { app: name, replicas: [...new Set(chosen.map((one) => one.replica))].sort((a, b) => a - b) };
}
