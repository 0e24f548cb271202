import type { Container } from '../observed/observed.ts';
import type { Difference } from './plan.ts';
import { isPublished } from './release.ts';
import { isRightlyNamed, type Scene } from './scene.ts';
import { isFinished } from './standing.ts';
import { isExposed } from './take-over.ts';
import { isAwaited, onFlag } from './traffic.ts';

interface Row {
  readonly subject: string;
  readonly holds: (scene: Scene, container: Container) => boolean;
  readonly live: (container: Container) => string | undefined;
  readonly desired: (scene: Scene) => string;
}

/** How a container of the wanted release may not stand as it should, besides its fields. */
const rows: readonly Row[] = [
  {
    subject: 'state',
    holds: (scene, container) => container.state === 'exited' && isToRun(scene, container),
    live: ({ exitCode }) => `exited (${exitCode})`,
    desired: () => 'running',
  },
  {
    subject: 'state',
    holds: (_scene, { state }) => state === 'created' || state === 'paused' || state === 'dead',
    live: ({ state }) => state,
    desired: () => 'running',
  },
  {
    subject: 'state',
    holds: (_scene, container) =>
      container.state === 'running' && !isPublished(container) && container.live.address !== '',
    live: () => 'unverified',
    desired: () => 'serving',
  },
  { subject: 'health', holds: isSick, live: () => 'unhealthy', desired: () => 'healthy' },
  {
    subject: 'name',
    holds: ({ world }, container) => !isRightlyNamed(world, container),
    live: ({ name }) => name,
    desired: () => 'its own',
  },
  {
    subject: 'network',
    holds: (_scene, { live, state }) => live.address === '' && state === 'running',
    live: () => undefined,
    desired: ({ world }) => world.settings.network,
  },
  { subject: 'traffic', holds: isPassedBy, live: () => 'its other slot', desired: () => 'its own slot' },
];

export function standingDifferences(scene: Scene, container: Container): Difference[] {
  return rows
    .filter(({ holds }) => holds(scene, container))
    .map(({ subject, live, desired }) => ({
      path: `replica ${container.replica} ${subject}`,
      live: live(container),
      desired: desired(scene),
      // Every container is made in our network: only a hand can have taken it away.
      cause: isPublished(container) || subject === 'network' ? 'drift' : 'commit',
    }));
}

function isToRun(scene: Scene, container: Container): boolean {
  const app = scene.wanted?.app;
  if (app === undefined) return false;
  return !isFinished({ container, restart: app.restart, awaited: isAwaited(scene, app, container) });
}

/** Its replica's flag was set or removed by hand: requests go to the slot where nobody is. */
function isPassedBy(scene: Scene, container: Container): boolean {
  const isCurrent = scene.replicas[container.replica]?.current?.container === container;
  const isVerified = isCurrent && isExposed(scene) && isPublished(container) && container.state === 'running';
  return isVerified && scene.world.observed.proxy.state === 'running' && !onFlag(scene, container);
}

function isSick({ replicas }: Scene, container: Container): boolean {
  const member = replicas[container.replica]?.current;
  return container.state === 'running' && member?.container === container && member.standing === 'sick';
}
