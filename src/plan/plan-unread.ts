import { assess } from './assess.ts';
import type { Planned } from './at-rest.ts';
import { isSuspended } from './plan-app.ts';
import { routesOf } from './plan-routes.ts';
import type { Scene } from './scene.ts';
import { Turn } from './turn.ts';

/** Milliseconds until it is tried to read it again. */
const readAgain = 5_000;

/**
 * An app of which a container cannot be read. Whether that one serves, is gone or is in the way nobody knows, so
 * nothing is done, nothing is remembered, and the routes stand. No other app waits for it.
 */
export function planUnread(scene: Scene): Omit<Planned, 'probes'> {
  const turn = new Turn();
  turn.wake(scene.world.now + readAgain);
  const plan = assess({
    scene,
    turn,
    blocker: undefined,
    suspended: isSuspended(scene),
    differences: [],
    failure: undefined,
  });
  return { plan, routes: routesOf(scene, true) };
}
