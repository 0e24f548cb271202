import type Docker from 'dockerode';
import type { Stage } from './stage.ts';

/** What people do to a container at any time. */
export const hands: Readonly<
  Record<string, (container: Docker.Container, stage: Stage) => Promise<unknown>>
> = {
  stopped: (container) => container.stop({ t: 1 }),
  killed: (container) => container.kill(),
  removed: (container) => container.remove({ force: true }),
  renamed: (container, { host }) => container.rename({ name: `${host.instance}-by-hand` }),
  paused: (container) => container.pause(),
  updated: (container) => container.update({ PidsLimit: 77 }),
  disconnected: (container, { host }) =>
    host.docker.getNetwork(`plimsoll-${host.instance}`).disconnect({ Container: container.id, Force: true }),
};
