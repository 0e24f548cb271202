import { healths, syncs } from './app-schemas.ts';
import { flag, list, mapping, named, object, orNull, pageOf, text, time, whole, word } from './schema.ts';

const countsOf = (words: readonly string[]) =>
  object(Object.fromEntries(words.map((one) => [one, whole(`Apps that are ${one}.`)])), words);

export const hostSchemas = {
  Failure: object({ reason: text('PascalCase, for machines.'), message: text('For people.') }),
  HostStatus: object({
    version: text('Of plimsoll.'),
    instance: orNull(text('Of this controller.')),
    startedAt: orNull(time('When the controller was started.')),
    now: time('By its clock.'),
    look: whole('Counts looks.'),
    lookedAt: orNull(time('When the last look was over.')),
    revision: orNull(text('What git says.')),
    converged: flag('Every app is ready, and nothing of the host is left to do.'),
    sourceError: orNull(named('Failure')),
    engineError: orNull(named('Failure')),
    proxy: object({
      state: text('Of Caddy.', { examples: ['running'] }),
      message: orNull(text('For people.')),
    }),
    counts: object({
      apps: whole('All.'),
      ready: whole('Those that are ready.'),
      sync: countsOf(syncs),
      health: countsOf(healths),
      containers: whole('Ours.'),
      foreign: whole('With our labels, and not ours.'),
    }),
    problems: list(
      'What is wrong with manifests.',
      object(
        {
          file: text('In the config repo.'),
          line: whole('From 1.'),
          column: whole('From 1.'),
          code: text('Stable.', { examples: ['E1207'] }),
          kind: word('Whether only policy refuses.', ['schema', 'policy']),
          message: text('For people.'),
          app: text('The app it belongs to.'),
          hint: text('What to do about it.'),
          other: object({ file: text('The other side.'), line: whole('From 1.'), column: whole('From 1.') }),
        },
        ['app', 'hint', 'other'],
      ),
    ),
    pruneHeld: orNull(
      object({
        apps: list('Whose removal is held.', { type: 'string' }),
        owning: whole('Apps that own containers.'),
      }),
    ),
  }),
  ContainerItem: object({
    id: text('As the engine says.'),
    name: text('Ours.'),
    app: text('Whose it is.'),
    replica: whole('Counted from 0.'),
    image: text('A name of its image, or its id.'),
    digest: text('Image id.'),
    release: text('Spec hash.'),
    standing: text('What it is to us.', { examples: ['current'] }),
    state: text('As the engine says.', { examples: ['running'] }),
    health: word('What probes say.', ['healthy', 'unhealthy', 'unknown']),
    address: text('On our network.'),
    ports: list('Published ones.', { type: 'string' }),
    createdAt: orNull(time('When it was made.')),
    startedAt: orNull(time('When it was last started.')),
    finishedAt: orNull(time('When it last ended.')),
    exitCode: orNull({ type: 'integer', description: 'Of one that ended.' }),
    oomKilled: flag('Killed for want of memory.'),
    restarts: whole('By us, since it was deployed.'),
  }),
  ContainerPage: pageOf('ContainerItem'),
  RouteItem: object({
    host: text('Lower case, punycode.'),
    path: text('Prefix.'),
    app: text('Whose it is.'),
    tls: word('How certificates come.', ['auto', 'internal', 'off']),
    redirectFrom: list('Hosts that redirect here.', { type: 'string' }),
    upstreams: list(
      'One a replica.',
      object({ replica: whole('Counted from 0.'), dials: orNull(text('Address that serves.')) }),
    ),
  }),
  RoutePage: pageOf('RouteItem'),
  NetworkItem: object({
    name: text('Of the network.'),
    id: text('As the engine says.'),
    ours: flag('Made by us.'),
    subnet: text('CIDR.'),
    gateway: text('Address of the host in it.'),
  }),
  NetworkPage: pageOf('NetworkItem'),
  VolumeItem: object({ name: text('Of the volume.'), app: orNull(text('Whose it is.')) }),
  VolumePage: pageOf('VolumeItem'),
  ImageItem: object({
    name: text('A reference, or the id where there is none.'),
    id: text('As the engine says.'),
    apps: list('Whose containers run it.', { type: 'string' }),
  }),
  ImagePage: pageOf('ImageItem'),
  Alive: object({ status: word('Always.', ['ok']) }),
  Readiness: object({
    status: word('The worst of the checks.', ['ok', 'degraded', 'failing']),
    version: text('Of plimsoll.'),
    checks: mapping(
      'By what is checked.',
      object(
        {
          status: word('What came of it.', ['ok', 'degraded', 'failing']),
          message: text('Why it is not ok.'),
        },
        ['message'],
      ),
    ),
  }),
};
