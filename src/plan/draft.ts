import { containerName } from '../observed/container-name.ts';
import type { ContainerSpec } from '../observed/observed.ts';
import { expectedSpec } from './expected.ts';
import type { Target } from './release.ts';
import { keptVolumes, type Scene } from './scene.ts';

/** The first name of this release and replica that no container bears. */
export function freeName(scene: Scene, target: Target, replica: number): string {
  const taken = new Set(scene.containers.map((container) => container.name));
  for (let attempt = 0; ; attempt += 1) {
    const name = nameOf(scene, target, replica, attempt);
    if (!taken.has(name)) return name;
  }
}

function nameOf({ world, name }: Scene, target: Target, replica: number, attempt: number): string {
  return containerName({
    instance: world.settings.instance,
    app: name,
    specHash: target.specHash,
    imageId: target.imageId ?? '',
    replica,
    attempt,
  });
}

/** The spec of one replica, under these names in our network: none, unless its release is verified. */
export function draftSpec(
  scene: Scene,
  target: Target,
  replica: number,
  name: string,
  address: string,
  aliases: readonly string[] = [],
): ContainerSpec {
  const { settings, observed } = scene.world;
  const imageId = target.imageId ?? '';
  return expectedSpec(target.app, observed.images[imageId], {
    name,
    imageId,
    labels: labelsOf(scene, target, replica),
    address,
    aliases,
    instance: settings.instance,
    volumeNames: keptVolumes(scene, target),
  });
}

function labelsOf(scene: Scene, target: Target, replica: number): Record<string, string> {
  return {
    'plimsoll.instance': scene.world.settings.instance,
    'plimsoll.app': scene.name,
    'plimsoll.spec-hash': target.specHash,
    'plimsoll.deployment': deploymentOf(scene),
    'plimsoll.replica': String(replica),
  };
}

/** The open deployment, else the one that is being opened by this look, else the last one: repairs belong to it. */
export function deploymentOf({ memory, name, world, proven, target }: Scene): string {
  if (!proven && memory.deployment?.specHash === target?.specHash && memory.deployment)
    return memory.deployment.id;
  return proven
    ? (memory.lastOperation?.id ?? newDeploymentId(name, world.now))
    : newDeploymentId(name, world.now);
}

export function newDeploymentId(app: string, now: number): string {
  return `${app}.${now.toString(36)}`;
}
