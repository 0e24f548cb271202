import type { App } from '../../src/desired/app.ts';
import { hashOf } from '../../src/plan/release.ts';
import { aDomain, anApp } from '../plan/worlds.ts';

/** What the app inside an image does when it is started, by the word before the colon. */
export const behaviours = {
  good: 'answers',
  slow: 'answers after twenty seconds',
  bad: 'answers badly for ever',
  mute: 'never answers at all',
  exit: 'exits with code 1',
  quit: 'exits with code 0',
  oom: 'runs out of memory',
  flap: 'answers well and badly by turns until faults end',
  hook: 'answers, and its hooks fail',
  hang: 'answers, and its hooks never end',
  none: 'is in no registry',
  odd: 'answers, and its containers are never what they were asked to be',
} as const;

export type Behaviour = keyof typeof behaviours;

/** One manifest of the simulated repo, as far as it differs from the plainest one. */
export interface Sketch {
  readonly image: `${Behaviour}:${number}`;
  readonly replicas: number;
  readonly stopFirst?: true;
  readonly unrouted?: true;
  readonly surge?: number;
  readonly bake?: number;
  readonly port?: number;
  readonly file?: string;
  readonly token?: string;
  /** Named volumes: `data` is kept, `cache` was given up by the manifest. */
  readonly volumes?: true;
  readonly hostPort?: true;
  readonly hooks?: true;
  /** On the app of the slot before this one. */
  readonly needs?: 'healthy' | 'started';
  readonly suspend?: true;
  readonly stopped?: true;
  readonly prune?: 'confirm' | 'never';
  readonly leaveDrift?: true;
  readonly pause?: true;
  readonly approval?: true;
  readonly pullAlways?: true;
  readonly restart?: 'on-failure' | 'never';
}

/** Where an app stands in the simulated repo; its host and host port go with the slot, whatever its name is. */
export interface Place {
  readonly slot: number;
  readonly name: string;
  readonly former?: string | undefined;
  readonly needs?: string | undefined;
}

export const drain = 10_000;
const known = new Map<string, App>();
/** Where the containers of a spec hash listen. */
const ports = new Map<string, number>();

/** Equal places and sketches give the same object, as reading a file that did not change does. */
export function toApp(place: Place, sketch: Sketch): App {
  const key = JSON.stringify([place, sketch]);
  const app = known.get(key) ?? build(place, sketch);
  if (known.size > 20_000) known.clear();
  known.set(key, app);
  const [port] = app.container.ports;
  if (port) ports.set(hashOf(app), port.container);
  return app;
}

export function portOf(specHash: string): number | undefined {
  return ports.get(specHash);
}

export function hostOf(slot: number): string {
  return `app-${slot}.test`;
}

function build({ slot, name, former, needs }: Place, sketch: Sketch): App {
  const { image, replicas, file, token, port = 8080 } = sketch;
  const env = token === undefined ? {} : { TOKEN: { secret: 's/T', version: token } };
  const liveFiles =
    file === undefined ? {} : { liveFiles: [{ mount: '/c', content: file, mode: 0o644, signal: 'SIGHUP' }] };
  const base = anApp({ name, image, env, ...liveFiles });
  const host = sketch.hostPort ? { host: 18_000 + slot } : {};
  const hook = { command: ['/bin/migrate'], timeout: 60_000 };
  return {
    ...base,
    ...(former === undefined ? {} : { renamedFrom: former }),
    state: sketch.stopped ? 'stopped' : 'running',
    suspend: sketch.suspend ?? false,
    replicas,
    container: {
      ...base.container,
      ports: [{ name: 'http', container: port, protocol: 'tcp', ...host }],
      volumes: sketch.volumes ? [volume('data', true), volume('cache', false)] : [],
    },
    pull: sketch.pullAlways ? 'always' : 'missing',
    domains: sketch.unrouted ? [] : [aDomain(hostOf(slot))],
    deploy: {
      ...base.deploy,
      order: sketch.stopFirst || sketch.hostPort ? 'stop-first' : 'start-first',
      maxSurge: sketch.surge ?? 1,
      bake: sketch.bake ?? 0,
      drain,
      onFailure: sketch.pause ? 'pause' : 'rollback',
      approval: sketch.approval ? 'manual' : 'auto',
    },
    hooks: sketch.hooks ? { preDeploy: hook, postDeploy: hook } : {},
    dependsOn: needs !== undefined && sketch.needs ? [{ app: needs, condition: sketch.needs }] : [],
    restart: sketch.restart ?? 'always',
    policy: { ...base.policy, selfHeal: !sketch.leaveDrift, prune: sketch.prune ?? 'auto' },
  };
}

function volume(name: string, retain: boolean): App['container']['volumes'][number] {
  return { kind: 'named', name, mount: `/${name}`, readOnly: false, retain };
}

const behaviourOfImage = new Map<string, Behaviour>();

/** The behaviour of what runs in a container of this image. */
export function behaviourOf(image: string): Behaviour {
  const before = behaviourOfImage.get(image);
  if (before !== undefined) return before;
  const word = image.replace('sha256:', '').split(':')[0] ?? '';
  const behaviour = isBehaviour(word) ? word : 'good';
  behaviourOfImage.set(image, behaviour);
  return behaviour;
}

function isBehaviour(word: string): word is Behaviour {
  return word in behaviours;
}
