import type { Container } from '../observed/observed.ts';
import { isSameRelease, type Target } from './release.ts';
import { changesOf, isStalled, type Scene } from './scene.ts';
import type { Turn } from './turn.ts';

/**
 * Remembers in what the containers that give way differ from their own release: when the next one shows the same
 * again, replacing it would go on for ever.
 */
export function recordHealing(scene: Scene, target: Target, olds: readonly Container[], turn: Turn): void {
  const fields = olds
    .filter((old) => isSameRelease(old, target))
    .flatMap((old) => changesOf(scene, target, old))
    .flatMap(({ heal, path }) => (heal === 'replace' ? [path] : []));
  if (fields.length === 0) return;
  // One that shows the same again already is not among them: else two replicas would replace each other by turns.
  const containers = scene.containers
    .filter(
      (one) => one.specHash === target.specHash && !isStalled(scene, changesOf(scene, target, one), one),
    )
    .map(({ id }) => id);
  turn.records.push({ kind: 'healed', specHash: target.specHash, fields, containers });
}
