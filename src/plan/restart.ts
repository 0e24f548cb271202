import type { Failure } from '../observed/memory.ts';
import type { Container, Health } from '../observed/observed.ts';
import { isPublished } from './release.ts';
import type { Scene } from './scene.ts';
import { asPast, sinceOf } from './since.ts';

const second = 1_000;
const minute = 60 * second;
/** A container that ran this long since its last restart starts its backoff anew. */
const calm = 15 * minute;

/** When a step that failed is tried again, milliseconds since the epoch. */
export function retryAt({ at, nextRetry }: Failure, { now }: Scene['world']): number {
  return at > now ? 0 : nextRetry;
}

/** When a container that is down or unhealthy is started again: 10 s, doubled each time, at most 5 minutes. */
export function restartAt(scene: Scene, container: Container, health: Health | undefined): number {
  const tries = triesOf(scene, container.replica);
  const { world } = scene;
  if (container.state === 'running') return asPast(health?.since ?? world.now, world) + backoff(tries + 1);
  // Where it is not told when it ended: that was after it was last started.
  const lastStarted = scene.memory.restarts[container.replica]?.at(-1) ?? 0;
  const downSince = asPast(sinceOf(world, container) || lastStarted, world);
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

/** Five restarts of one container in ten minutes: when that will have been, milliseconds since the epoch. */
export function crashLoopUntil({ replicas, memory, world }: Scene): number | undefined {
  const ends = replicas.flatMap(({ index, current }) => {
    const born = current?.container.createdAt ?? Number.POSITIVE_INFINITY;
    const fifth = (memory.restarts[index] ?? []).filter((time) => time >= born).at(-5);
    return fifth === undefined ? [] : [fifth + 10 * minute];
  });
  const until = Math.max(...ends);
  return until > world.now ? until : undefined;
}

/** Exit codes that say the process was ended from outside (SIGKILL, SIGTERM, the engine itself), not by its own fault. */
const endedFromOutside: readonly number[] = [137, 143, 255];

/** An engine that goes down takes its containers with it within this time; many of them answer SIGTERM with 0. */
const together = 30 * second;

/** A start that was cut short by others may be repeated, three times, before it counts against the release. */
export function wasEndedFromOutside(scene: Scene, container: Container): boolean {
  const born = asPast(container.createdAt, scene.world);
  const recent = (scene.memory.restarts[container.replica] ?? []).filter((time) => time >= born);
  if (container.oomKilled || recent.length >= 3) return false;
  const isTold = container.signalled === true || endedFromOutside.includes(container.exitCode);
  return isTold || endedWithOthers(scene, container);
}

/**
 * One that served ended at the same time, though it may run again, and none outlived it: that was no fault of the
 * release on its way in. Who ended in a rollout of its own while others ran on says nothing.
 */
function endedWithOthers({ world }: Scene, { id, finishedAt }: Container): boolean {
  const serving = world.observed.containers.filter((other) => other.id !== id && isPublished(other));
  if (serving.some(({ state, startedAt }) => state === 'running' && startedAt <= finishedAt)) return false;
  return serving.some((other) => other.finishedAt > 0 && Math.abs(other.finishedAt - finishedAt) < together);
}

/**
 * When a clean exit of a release on its way in is judged, milliseconds since the epoch: a moment later, so that an
 * engine that is just going down shows it by taking the others too.
 */
export function judgedAt({ world }: Scene, container: Container): number {
  const endedAt = asPast(sinceOf(world, container), world);
  return container.exitCode === 0 ? endedAt + 2 * second : endedAt;
}
