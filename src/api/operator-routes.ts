import { type Context, Hono } from 'hono';
import { escapeText, shorten } from '../desired/shown-text.ts';
import { hashOf } from '../plan/release.ts';
import { type AppItem, appItems, findApp } from './app-item.ts';
import { chooseRelease } from './choose-release.ts';
import type { ControllerPort } from './controller-port.ts';
import { isConverged, isReady } from './host-status.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { ProblemError } from './problem.ts';
import { readBody } from './read-body.ts';

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
export function operatorRoutes(port: ControllerPort): Hono {
  const api = new Hono();
  api.post('/reconcile', (c) => reconcile(c, port));
  api.post('/approve-prune', (c) => approvePrune(c, port));
  const verbs = { suspend, resume, rollback, approve, restart };
  for (const [verb, act] of Object.entries(verbs))
    api.post(`/apps/:name/${verb}`, async (c) => {
      const { name } = knownApp(port, c.req.param('name'));
      const answer = await act(c, port, name);
      port.loop.trigger(verb);
      return c.json(answer);
    });
  return api;
}

async function reconcile(c: Context, port: ControllerPort): Promise<Response> {
  const { app, retry } = await readBody(c, { app: 'text', retry: 'flag' });
  if (app !== undefined) knownApp(port, app);
  if (retry)
    for (const name of app === undefined ? heldApps(port) : [app]) port.history.retry(name, actorOf(c));
  const { look, plan } = await port.loop.lookNow('reconcile');
  const items = appItems(port).filter(({ name }) => app === undefined || name === app);
  const converged = app === undefined ? isConverged(plan, items) : plan !== undefined && items.every(isReady);
  return c.json({ converged, look, apps: items } satisfies ReconcileAnswer);
}

/** Apps that a retry changes anything for. */
function heldApps({ history }: ControllerPort): string[] {
  return Object.entries(history.memory().apps)
    .filter(([, { quarantine, failure, healed }]) => quarantine || failure || healed)
    .map(([name]) => name);
}

async function suspend(c: Context, port: ControllerPort, name: string): Promise<object> {
  const { reason, for: duration } = await readBody(c, { reason: 'text', for: 'duration' });
  if (reason === undefined)
    throw new ProblemError(
      400,
      'InvalidField',
      'field reason is missing',
      'say why, for those who come after',
    );
  const until = duration === undefined ? undefined : port.now() + duration;
  port.history.suspend(name, {
    actor: actorOf(c),
    reason: escapeText(reason),
    ...(until === undefined ? {} : { until }),
  });
  return { app: name, until: until === undefined ? null : new Date(until).toISOString() };
}

async function resume(c: Context, port: ControllerPort, name: string): Promise<object> {
  await readBody(c, {});
  const { suspended, pin } = port.history.memory().apps[name] ?? {};
  if (suspended || pin) port.history.resume(name, actorOf(c));
  return {
    app: name,
    resumed: suspended !== undefined,
    unpinned: pin !== undefined,
    manifestSuspends: findApp(port, name)?.suspend ?? false,
  };
}

async function rollback(c: Context, port: ControllerPort, name: string): Promise<RollbackAnswer> {
  const { to } = await readBody(c, { to: 'text' });
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
  port.history.pin(name, release, { actor: actorOf(c), against });
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

async function approve(c: Context, port: ControllerPort, name: string): Promise<object> {
  const { removal } = await readBody(c, { removal: 'flag' });
  const { desired } = seenWorld(port);
  const wanted = findApp(port, name);
  if (wanted && removal)
    throw new ProblemError(409, 'StillInGit', `${name} is in git, so nothing removes it`);
  if (wanted) {
    const specHash = hashOf(wanted);
    port.history.approve(name, { specHash }, actorOf(c));
    return { app: name, approved: 'rollout', release: specHash, revision: desired.revision };
  }
  if (desired.invalid.includes(name))
    throw new ProblemError(409, 'InvalidManifest', `the manifest of ${name} is invalid`, 'mend it in git');
  port.history.approve(name, { removal: true }, actorOf(c));
  return { app: name, approved: 'removal', release: null, revision: desired.revision };
}

async function approvePrune(c: Context, port: ControllerPort): Promise<Response> {
  await readBody(c, {});
  const { desired } = seenWorld(port);
  const held = port.loop.status.plan?.pruneHeld;
  if (!held)
    throw new ProblemError(409, 'NothingHeld', `no removal of ${desired.revision} is held by prune.maxShare`);
  port.history.approvePrune(desired.revision, actorOf(c));
  port.loop.trigger('approve-prune');
  return c.json({ revision: desired.revision, apps: held.apps });
}

async function restart(_c: Context, _port: ControllerPort, name: string): Promise<object> {
  throw new ProblemError(
    501,
    'NotSupportedYet',
    `restart ${name}: not supported yet`,
    'set spec.restartedAt to the time of now in its manifest: that restarts it gaplessly',
  );
}

/** Who asks, as the client says: on the socket only the owner of the state directory can. */
function actorOf(c: Context): string {
  return shorten(escapeText(c.req.header('plimsoll-actor')?.trim() || 'unknown'), 64);
}
