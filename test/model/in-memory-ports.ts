import type { EnginePort, JournalPort, ProxyPort } from '../../src/apply/ports.ts';
import type { Edges } from '../../src/apply/run-steps.ts';
import type { Step } from '../../src/plan/plan.ts';

/** A call that an edge was asked for, as the step that it is. */
export type Act = (call: Step) => Promise<void>;

type Sketch = Step extends infer One ? (One extends Step ? Omit<One, 'reason' | 'traffic'> : never) : never;

/** The ports that acting goes through: each call of an edge is told to `act`, from its arguments alone. */
export function inMemoryPorts(act: Act, journal: JournalPort): Edges {
  const ask = (call: Sketch) => act({ ...call, reason: '', traffic: '' } as Step);
  const engine: EnginePort = {
    createNetwork: (network, subnet) => ask({ kind: 'create-network', network, subnet }),
    pull: (image) => ask({ kind: 'pull', image, specHash: '' }),
    createVolume: (volume, app) => ask({ kind: 'create-volume', volume, app }),
    removeVolume: (volume) => ask({ kind: 'remove-volume', volume }),
    createContainer: (spec, files, imageHealthCheck) =>
      ask({ kind: 'create', spec, files, imageHealthCheck }),
    start: (container) => ask({ kind: 'start', container }),
    publish: (container, address, aliases) => ask({ kind: 'publish', container, address, aliases }),
    connect: (container, network, address, aliases) =>
      ask({ kind: 'connect', container, network, aliases, ...(address === undefined ? {} : { address }) }),
    disconnect: (container, network) => ask({ kind: 'disconnect', container, network }),
    update: (container, { memory, nanoCpus, pids }) =>
      ask({ kind: 'update', container, memory, nanoCpus, pids }),
    deliver: (container, file, signal) =>
      ask({ kind: 'deliver', container, file, ...(signal === undefined ? {} : { signal }) }),
    rename: (container, name) => ask({ kind: 'rename', container, name }),
    unpause: (container) => ask({ kind: 'unpause', container }),
    stop: (container, grace) => ask({ kind: 'stop', container, grace }),
    restart: (container, grace) => ask({ kind: 'restart', container, grace }),
    remove: (container) => ask({ kind: 'remove', container }),
  };
  const proxy: ProxyPort = {
    observe: () => Promise.reject(new Error('looks read the simulated Caddy themselves')),
    load: (routes) => ask({ kind: 'load-routes', routes }),
    switch: (app, replica, flagged) => ask({ kind: 'switch', app, replica, flagged }),
    onChange: () => () => {},
    close: async () => {},
  };
  return { engine, proxy, journal };
}
