import type { ConfigRepo } from './config-repo.ts';
import type { Controller } from './controller.ts';
import { releases } from './images.ts';
import { until } from './until.ts';

export const host = 'web.localhost';
export const name = 'web';

/** The one app of a part that rolls releases out. */
export function webManifest(release: number, replicas: number): object {
  return {
    apiVersion: 'plimsoll/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      image: releases[release - 1]?.image,
      pull: 'never',
      port: 8080,
      replicas,
      domains: [{ host, tls: 'off' }],
      healthCheck: { http: { path: '/' }, interval: '1s' },
      deploy: { drain: '1s', stopGrace: '2s' },
    },
  };
}

/** Commits that this release is wanted; answers the commit. */
export function commitRelease(repo: ConfigRepo, release: number, replicas: number): Promise<string> {
  return repo.commit({ 'web/app.yaml': webManifest(release, replicas) }, `web: release ${release}`);
}

/** The commit alone serves, and nothing is left to do. */
export async function converged(
  controller: Controller,
  revision: string,
  signal: AbortSignal,
): Promise<void> {
  const wait = { what: `revision ${revision} has converged`, deadline: 120_000, pause: 50, signal };
  await until(wait, async () => {
    const app = await controller.app(name);
    if (app?.operation === 'RolledBack' || app?.operation === 'Failed')
      throw new Error(`the rollout ended as ${app.operation}: ${app.error ?? ''}`);
    const done =
      app?.revision === revision &&
      app.sync === 'Synced' &&
      app.health === 'Healthy' &&
      app.operation === 'Succeeded';
    return done || undefined;
  });
}
