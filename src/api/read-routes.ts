import { Hono } from 'hono';
import { showValue } from '../desired/shown-text.ts';
import type { DeploymentDetail, DeploymentRecord } from '../history/deployment-log.ts';
import { appItems, findApp } from './app-item.ts';
import { containerItems } from './container-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { hostStatus } from './host-status.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { limitOf, pageOf } from './page.ts';
import { ProblemError } from './problem.ts';
import { timeText } from './time-text.ts';

/** What is, and what was: every `GET` that answers with one JSON value. */
export function readRoutes(port: ControllerPort): Hono {
  const api = new Hono();
  api.get('/status', (c) => c.json(hostStatus(port)));
  api.get('/apps', (c) => c.json(pageOf(c, appItems(port), ({ name }) => name)));
  api.get('/apps/:name', (c) => c.json(appDetail(port, c.req.param('name'))));
  api.get('/apps/:name/diff', (c) => c.json(appDiff(port, c.req.param('name'))));
  api.get('/apps/:name/deployments', (c) => {
    const name = c.req.param('name');
    const records = port.history.deployments(name, limitOf(c, 20));
    if (records.length === 0) knownApp(port, name);
    return c.json({ items: records.map(deploymentItem), next: null });
  });
  api.get('/deployments/:id', (c) => {
    const found = port.history.deployment(c.req.param('id'));
    if (!found)
      throw new ProblemError(404, 'UnknownDeployment', `no deployment ${showValue(c.req.param('id'))}`);
    return c.json(deploymentDetail(found));
  });
  api.get('/revisions', (c) =>
    c.json({
      items: port.history
        .revisions(limitOf(c, 50))
        .map(({ id, firstSeen, problems, nonFastForwardFrom }) => ({
          id,
          firstSeen: timeText(firstSeen),
          problems,
          nonFastForwardFrom: nonFastForwardFrom ?? null,
        })),
      next: null,
    }),
  );
  hostLists(api, port);
  return api;
}

/** What stands on the host, as the last look saw it. */
function hostLists(api: Hono, port: ControllerPort): void {
  api.get('/containers', (c) =>
    c.json(
      pageOf(
        c,
        containerItems(seenWorld(port)).sort((a, b) => (a.name < b.name ? -1 : 1)),
        ({ name }) => name,
      ),
    ),
  );
  api.get('/routes', (c) => c.json(pageOf(c, routeItems(port), ({ host, path }) => `${host} ${path}`)));
  api.get('/networks', (c) => {
    const items = seenWorld(port).observed.networks.map(({ id, name, ours, subnet, gateway }) => ({
      name,
      id,
      ours,
      subnet,
      gateway,
    }));
    return c.json(
      pageOf(
        c,
        items.sort((a, b) => (a.name < b.name ? -1 : 1)),
        ({ name }) => name,
      ),
    );
  });
  api.get('/volumes', (c) => {
    const owned = seenWorld(port).observed.volumes.filter(({ app }) => app !== undefined);
    const items = owned.map(({ name, app }) => ({ name, app: app ?? null }));
    return c.json(
      pageOf(
        c,
        items.sort((a, b) => (a.name < b.name ? -1 : 1)),
        ({ name }) => name,
      ),
    );
  });
  api.get('/images', (c) => c.json(pageOf(c, imageItems(port), ({ name }) => name)));
}

function appDetail(port: ControllerPort, name: string) {
  const item = knownApp(port, name);
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

function appDiff(port: ControllerPort, name: string) {
  const { sync, cause, consequence, revision, liveRevision } = knownApp(port, name);
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
