import { showValue } from '../desired/shown-text.ts';
import type { DeploymentDetail, DeploymentRecord } from '../history/deployment-log.ts';
import type { RevisionRecord } from '../history/history.ts';
import { findApp } from './app-item.ts';
import type { Handlers } from './call.ts';
import type { Caller } from './caller.ts';
import { containerItems } from './container-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { hostStatus } from './host-status.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { pageInOrder, pageOf } from './page.ts';
import { ProblemError } from './problem.ts';
import { timeText } from './time-text.ts';
import { chosenApps, filterOf, visibleApps } from './visible-apps.ts';

/** What is, and what was: every `GET` that answers with one JSON value. */
export function readRoutes(port: ControllerPort) {
  return {
    getStatus: ({ caller }) => hostStatus(port, caller),
    listApps: ({ caller, query }) => {
      const matches = filterOf(query);
      const { sync, health } = query;
      const found = visibleApps(port, caller).filter(
        (app) =>
          matches(app) &&
          (sync === undefined || app.sync === sync) &&
          (health === undefined || app.health === health),
      );
      return pageOf(query, found, ({ name }) => name);
    },
    getApp: ({ caller, params }) => appDetail(port, caller, params.name),
    getAppDiff: ({ caller, params }) => appDiff(port, caller, params.name),
    listDeployments: ({ caller, params, query }) => {
      const records = isVisible(port, caller, params.name)
        ? port.history.deployments(params.name, mostListed)
        : [];
      if (records.length === 0) knownApp(port, caller, params.name);
      return pageInOrder(query, records.map(deploymentItem), ({ id }) => id);
    },
    getDeployment: ({ caller, params: { id } }) => {
      const found = port.history.deployment(id);
      if (!found || !isVisible(port, caller, found.app))
        throw new ProblemError(404, 'UnknownDeployment', `no deployment ${showValue(id)}`);
      return deploymentDetail(found);
    },
    listRevisions: ({ query }) =>
      pageInOrder(query, port.history.revisions(mostListed).map(revisionItem), ({ id }) => id),
  } satisfies Partial<Handlers>;
}

/** More than history keeps. */
const mostListed = 10_000;

/** Apps that are gone are seen only by those who see all. */
function isVisible(port: ControllerPort, caller: Caller, app: string): boolean {
  return chosenApps(port, caller)?.has(app) ?? true;
}

/** What stands on the host, as the last look saw it. */
export function hostRoutes(port: ControllerPort) {
  const byName = <T extends { readonly name: string }>(items: readonly T[]) =>
    items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    listContainers: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const items = containerItems(seenWorld(port)).filter(({ app }) => chosen?.has(app) ?? true);
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listRoutes: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const items = routeItems(port).filter(({ app }) => chosen?.has(app) ?? true);
      return pageOf(query, items, ({ host, path }) => `${host} ${path}`);
    },
    listNetworks: ({ query }) => {
      const items = seenWorld(port).observed.networks.map(({ id, name, ours, subnet, gateway }) => ({
        name,
        id,
        ours,
        subnet,
        gateway,
      }));
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listVolumes: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const items = seenWorld(port).observed.volumes.flatMap(({ name, app }) =>
        app !== undefined && (chosen?.has(app) ?? true) ? [{ name, app }] : [],
      );
      return pageOf(query, byName(items), ({ name }) => name);
    },
    listImages: ({ caller, query }) => {
      const chosen = chosenApps(port, caller, query);
      const items = imageItems(port).map(({ apps, ...image }) => ({
        ...image,
        apps: apps.filter((app) => chosen?.has(app) ?? true),
      }));
      const seen = chosen === undefined ? items : items.filter(({ apps }) => apps.length > 0);
      return pageOf(query, seen, ({ name }) => name);
    },
  } satisfies Partial<Handlers>;
}

function appDetail(port: ControllerPort, caller: Caller, name: string) {
  const item = knownApp(port, caller, name);
  const { world } = port.loop.status;
  const { description, links, domains } = findApp(port, name) ?? { links: [], domains: [] };
  const { deployment, quarantine } = port.history.memory().apps[name] ?? {};
  return {
    ...item,
    description: description ?? null,
    links,
    domains: domains.map(({ host, path, tls, redirectFrom }) => ({ host, path, tls, redirectFrom })),
    containers: world ? containerItems(world, name) : [],
    deployment: deployment ? { id: deployment.id, startedAt: timeText(deployment.startedAt) } : null,
    quarantine: quarantine
      ? {
          release: quarantine.specHash,
          deployment: quarantine.deployment,
          reason: quarantine.reason,
          message: quarantine.message,
          since: timeText(quarantine.since),
        }
      : null,
  };
}

/** One app with all that stands for it. */
export type AppDetail = ReturnType<typeof appDetail>;

function appDiff(port: ControllerPort, caller: Caller, name: string) {
  const { sync, cause, consequence, revision, liveRevision } = knownApp(port, caller, name);
  seenWorld(port);
  const plan = port.loop.status.plan?.apps.find(({ app }) => app === name);
  return {
    name,
    sync,
    cause,
    consequence,
    revision,
    liveRevision,
    differences: plan?.differences ?? [],
    steps: (plan?.steps ?? []).map(({ kind, reason, traffic }) => ({ kind, reason, traffic })),
  };
}

function revisionItem({ id, firstSeen, problems, nonFastForwardFrom }: RevisionRecord) {
  return {
    id,
    firstSeen: timeText(firstSeen),
    problems,
    nonFastForwardFrom: nonFastForwardFrom ?? null,
  };
}

function deploymentItem(record: DeploymentRecord) {
  const { id, app, revision, cause, phase, startedAt, finishedAt } = record;
  return {
    id,
    app,
    release: record.specHash,
    digest: record.imageId ?? null,
    revision,
    cause,
    phase,
    result: record.result ?? null,
    reason: record.reason ?? null,
    message: record.message ?? null,
    startedAt: timeText(startedAt),
    finishedAt: timeText(finishedAt),
  };
}

export type DeploymentItem = ReturnType<typeof deploymentItem>;

function deploymentDetail(record: DeploymentDetail) {
  return {
    ...deploymentItem(record),
    steps: record.steps.map(({ id, kind, object, reason, startedAt, endedAt, outcome, error }) => ({
      id,
      kind,
      object,
      reason,
      startedAt: timeText(startedAt),
      endedAt: timeText(endedAt),
      outcome: outcome ?? null,
      error: error ?? null,
    })),
    evidence: record.evidence.map(({ attempts, ...evidence }) => ({
      ...evidence,
      attempts: attempts.map(({ at, ok, detail }) => ({ at: timeText(at), ok, detail })),
    })),
  };
}

/** With its steps, and why containers were given up. */
export type DeploymentItemDetail = ReturnType<typeof deploymentDetail>;

function routeItems(port: ControllerPort) {
  const { proxy } = seenWorld(port).observed;
  const flags = new Set(proxy.flags);
  const items = proxy.routes.map(({ app, host, path, tls, redirectFrom, upstreams }) => ({
    host,
    path,
    app,
    tls,
    redirectFrom,
    upstreams: upstreams.map(({ replica, plain, flagged }) => ({
      replica,
      dials: flags.has(`${app}.${replica}`) ? flagged : plain,
    })),
  }));
  return items.sort((a, b) => (`${a.host} ${a.path}` < `${b.host} ${b.path}` ? -1 : 1));
}

export type RouteItem = ReturnType<typeof routeItems>[number];

/** By reference; the bare id only where an image has no other name. */
function imageItems(port: ControllerPort) {
  const { images, containers } = seenWorld(port).observed;
  const named = new Set(Object.entries(images).flatMap(([name, { id }]) => (name === id ? [] : [id])));
  return Object.entries(images)
    .filter(([name, { id }]) => name !== id || !named.has(id))
    .map(([name, { id }]) => ({
      name,
      id,
      apps: [...new Set(containers.filter((one) => one.imageId === id).map(({ app }) => app))].sort(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export type ImageItem = ReturnType<typeof imageItems>[number];
