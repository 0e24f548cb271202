import type { DeploymentItem, DeploymentItemDetail } from '../src/api/read-routes.ts';
import type { Controller } from './controller.ts';
import { serverImages } from './images.ts';

export interface ServerApp {
  readonly name: string;
  /** Rises with every update. */
  readonly release: number;
  /** In which way it is no good; see `web-server.c`. */
  readonly mode?: string;
  /** Two when it is not said. */
  readonly replicas?: number;
  readonly healthCheck?: object;
  readonly deploy?: object;
}

/** Seconds between the switch and the end of the old container. */
export const drain = 1;

export const replicas = 2;

export const hostOf = (name: string): string => `${name}.localhost`;

/** The bench's own server, in an app whose replicas are replaced one after the other. */
export function serverManifest(app: ServerApp): object {
  const { name, release, mode = 'good', healthCheck, deploy } = app;
  return {
    apiVersion: 'plimsoll/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      image: serverImages[release % serverImages.length],
      pull: 'never',
      port: 8080,
      replicas: app.replicas ?? replicas,
      domains: [{ host: hostOf(name), tls: 'off' }],
      env: { APP: name, RELEASE: release, MODE: mode },
      healthCheck: { http: { path: '/health' }, interval: '1s', timeout: '1s', ...healthCheck },
      deploy: { drain: `${drain}s`, stopGrace: '1s', ...deploy },
    },
  };
}

/** Newest first. */
export async function deploymentsOf(controller: Controller, app: string): Promise<readonly DeploymentItem[]> {
  const page = await controller.ask<{ items: readonly DeploymentItem[] }>(`apps/${app}/deployments?limit=20`);
  if (!page) throw new Error(`the controller does not tell the deployments of ${app}`);
  return page.items;
}

export async function deploymentDetail(controller: Controller, id: string): Promise<DeploymentItemDetail> {
  const detail = await controller.ask<DeploymentItemDetail>(`deployments/${id}`);
  if (!detail) throw new Error(`the controller does not tell of the deployment ${id}`);
  return detail;
}

export interface Switch {
  readonly app: string;
  readonly replica: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** When a deployment sent each replica's traffic to its new container. */
export function switchesOf(app: string, { steps }: DeploymentItemDetail): Switch[] {
  return steps
    .filter(({ kind, outcome }) => kind === 'switch' && outcome === 'ok')
    .map(({ object, endedAt }) => ({
      app,
      replica: Number(/\.(\d+) /.exec(object)?.[1]),
      at: Date.parse(endedAt ?? ''),
    }));
}
