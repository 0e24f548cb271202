import type { Container, Health } from '../observed/observed.ts';
import type { Scene } from './scene.ts';

const second = 1_000;
const minute = 60 * second;
/** A container that ran this long since its last restart starts its backoff anew. */
const calm = 15 * minute;

/** When a container that is down or unhealthy is started again: 10 s, doubled each time, at most 5 minutes. */
export function restartAt(scene: Scene, container: Container, health: Health | undefined): number {
  const tries = triesOf(scene, container.replica);
  if (container.state === 'running') return (health?.since ?? scene.world.now) + backoff(tries + 1);
  const downSince = container.finishedAt || scene.world.now;
  return tries === 0 ? downSince : downSince + backoff(tries);
}

function backoff(tries: number): number {
  return Math.min(10 * second * 2 ** (tries - 1), 5 * minute);
}

/** Restarts in a row, each within a quarter of an hour of the one before. */
function triesOf(scene: Scene, replica: number): number {
  const times = scene.memory.restarts[replica] ?? [];
  let previous = scene.world.now;
  let tries = 0;
  for (const time of times.toReversed()) {
    if (previous - time > calm) break;
    previous = time;
    tries += 1;
  }
  return tries;
}

/** Five restarts in ten minutes. */
export function isCrashLooping(scene: Scene): boolean {
  const since = scene.world.now - 10 * minute;
  return Object.values(scene.memory.restarts).some(
    (times) => times.filter((time) => time > since).length >= 5,
  );
}

/** Exit codes that say the process was ended from outside (SIGKILL, SIGTERM, the engine itself), not by its own fault. */
const endedFromOutside: readonly number[] = [137, 143, 255];

/** A start that was cut short by others may be repeated, three times, before it counts against the release. */
export function wasEndedFromOutside(scene: Scene, container: Container): boolean {
  const recent = (scene.memory.restarts[container.replica] ?? []).filter(
    (time) => time >= container.createdAt,
  );
  return endedFromOutside.includes(container.exitCode) && !container.oomKilled && recent.length < 3;
}
