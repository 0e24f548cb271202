import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSource, type Source, type SourceConfig, type SourceDeps } from '../../src/git/source.ts';
import { type DeployKey, makeKey, type SshServer, startSshServer } from './ssh-server.ts';
import { createWorkshop, type Workshop } from './workshop.ts';

/** One served repository, its server and key, and the sources that a test opened. */
export interface SshScene {
  shop: Workshop;
  server: SshServer;
  key: DeployKey;
  dir: string;
  sources: Source[];
}

export async function openScene(scene: SshScene): Promise<void> {
  scene.shop = createWorkshop();
  scene.dir = scene.shop.repository('served/config', { 'app.yaml': 'one', 'web/app.yaml': 'web' });
  mkdirSync(scene.shop.path('keys'));
  scene.key = makeKey(scene.shop.path('keys'), 'deploy');
  scene.server = await startSshServer(scene.shop.path('sshd'), scene.shop.path('served'), scene.key);
  scene.sources = [];
}

export async function closeScene({ shop, server, sources }: SshScene): Promise<void> {
  await Promise.all(sources.map((source) => source.close()));
  await server.close();
  shop.remove();
}

export function open(
  scene: SshScene,
  more: Partial<SourceConfig> = {},
  deps: Partial<SourceDeps> = {},
): Source {
  const config = {
    url: `${scene.server.url}/config`,
    path: '.',
    interval: 60_000,
    auth: { sshKey: scene.key.privateKey, knownHosts: [scene.server.hostLine()] },
    ...more,
  };
  const source = createSource(config, {
    // A folder's name is no part of any command, whatever is in it.
    stateDir: scene.shop.path(`state '"$(x) %h`),
    timeout: 5_000,
    spacing: 0,
    ...deps,
  });
  scene.sources.push(source);
  return source;
}

/** A path in the state directory. */
export function state(scene: SshScene, ...parts: string[]): string {
  return join(scene.shop.path(`state '"$(x) %h`), ...parts);
}
