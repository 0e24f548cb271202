import { isReady } from './gate.ts';
import type { Replica, Scene } from './scene.ts';
import { isRouted, onFlag } from './traffic.ts';

/** The old container's work is done by the new one: ready, switched to, and in the routes where the app has any yet. */
export function isTakenOver(scene: Scene, { current }: Replica): boolean {
  if (!isReady(current)) return false;
  if (current.standing === 'finished') return true;
  const routed = !scene.lookup.routes.has(scene.name) || isRouted(scene, current.container);
  return onFlag(scene, current.container) && routed;
}

export function isExposed({ target }: Scene): boolean {
  return (target?.app.domains.length ?? 0) > 0;
}
