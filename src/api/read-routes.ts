import type { DeploymentDetail, DeploymentRecord } from '../history/deployment-log.ts';
import type { RevisionRecord } from '../history/history.ts';
import { findApp } from './app-item.ts';
import type { Handlers } from './call.ts';
import type { Caller } from './caller.ts';
import { certificateCondition } from './certificate-item.ts';
import { type ContainerItem, containerItems } from './container-item.ts';
import type { ControllerPort } from './controller-port.ts';
import { knownDeployment } from './deployment-log-routes.ts';
import { hostStatus } from './host-status.ts';
import { knownApp, seenWorld } from './known-app.ts';
import { pageInOrder, pageOf } from './page.ts';
import { timeText } from './time-text.ts';
import { filterOf, isVisible, visibleApps } from './visible-apps.ts';

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
    getDeployment: ({ caller, params: { id } }) => deploymentDetail(knownDeployment(port, caller, id)),
    listRevisions: ({ query }) =>
      pageInOrder(query, port.history.revisions(mostListed).map(revisionItem), ({ id }) => id),
  } satisfies Partial<Handlers>;
}

/** More than history keeps. */
const mostListed = 10_000;

async function appDetail(port: ControllerPort, caller: Caller, name: string) {
  const { replicas: scale, conditions, ...item } = knownApp(port, caller, name);
  const { world } = port.loop.status;
  const { description, links, domains } = findApp(port, name) ?? { links: [], domains: [] };
  const certificates = await certificateCondition(port, domains);
  const containers = world ? containerItems(world, name) : [];
  const { deployment, quarantine } = port.history.memory().apps[name] ?? {};
  return {
    ...item,
    conditions: [...conditions, ...certificates],
    scale,
    description: description ?? null,
    links,
    domains: domains.map(({ host, path, tls, redirectFrom }) => ({ host, path, tls, redirectFrom })),
    replicas: containers.filter(({ standing }) => standing !== 'hook').map(replicaItem),
    containers,
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
export type AppDetail = Awaited<ReturnType<typeof appDetail>>;

function replicaItem(container: ContainerItem) {
  const { replica, id, image, digest, release, standing, health, ports, startedAt, restarts } = container;
  return { replica, id, image, digest, release, standing, health, ports, startedAt, restarts };
}

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
