import type { Container } from '../observed/observed.ts';
import { draftSpec } from './draft.ts';
import type { Target } from './release.ts';
import type { Scene } from './scene.ts';
import type { Turn } from './turn.ts';

/** What a container of the target needs on the host; false while its image is not there. */
export function prepare(scene: Scene, target: Target, turn: Turn): boolean {
  if (!ensureImage(scene, target, turn)) return false;
  ensureVolumes(scene, target, turn);
  return true;
}

/** False while the image is not on this host: a pull is one step of its own, and nothing old is stopped for it. */
function ensureImage({ world }: Scene, target: Target, turn: Turn): boolean {
  if (target.imageId !== undefined && world.observed.images[target.imageId]) return true;
  turn.phases.add('Pulling');
  // A tag that is here and means another image would be pulled for ever: what the release was made from is gone.
  if (target.app.pull !== 'never' && !world.observed.images[target.app.container.image])
    turn.steps.push({
      kind: 'pull',
      image: target.app.container.image,
      specHash: target.specHash,
      ...(target.app.registry === undefined ? {} : { login: target.app.registry }),
      reason: 'the image is not on this host',
      traffic: 'none',
    });
  return false;
}

function ensureVolumes(scene: Scene, target: Target, turn: Turn): void {
  const known = new Set(scene.world.observed.volumes.map((volume) => volume.name));
  for (const mount of draftSpec(scene, target, 0, '', '').mounts)
    if (mount.kind === 'volume' && !known.has(mount.name))
      turn.steps.push({
        kind: 'create-volume',
        volume: mount.name,
        app: scene.name,
        reason: 'the app mounts it',
        traffic: 'none',
      });
}

/**
 * Its address was free when it was planned, and taken when it was started: by a container that was being made at
 * the same time. It would never start, and another one gets another address.
 */
export function hasLostItsAddress({ memory: { failure } }: Scene, { createdAt }: Container): boolean {
  return failure?.step === 'start' && failure.reason === 'AddressTaken' && failure.at >= createdAt;
}
