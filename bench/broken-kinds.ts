/** An update that is no good in one way, or that only seems so, and what must come of it. */
export interface Kind {
  readonly name: string;
  /** Of the server (`web-server.c`); also the kind's name where nothing else is said. */
  readonly mode?: string;
  readonly healthCheck?: object;
  readonly deploy?: object;
  /** The release to return to is spoilt while this one is judged. */
  readonly spoils?: true;
  readonly verdict: 'RolledBack' | 'Failed' | 'Succeeded';
  /** What the deployment says of it, and what its evidence must hold. */
  readonly reason?: string;
  readonly exitCode?: number;
  readonly answer?: RegExp;
}

const late = { verdict: 'RolledBack', reason: 'DeadlineExceeded' } as const;
const exited = { verdict: 'RolledBack', reason: 'ContainerExited' } as const;
const strict = { http: { path: '/health', status: '200' } };

/** In the order in which they come; the good ones are what the next ones must be taken back to. */
export const kinds: readonly Kind[] = [
  { name: 'never-healthy', ...late, answer: /^status 503: not well/ },
  { name: 'exits', ...exited, exitCode: 3 },
  { name: 'slow', verdict: 'Succeeded' },
  { name: 'not-listening', ...late, answer: /ECONNREFUSED/ },
  { name: 'exits-zero', ...exited, exitCode: 0 },
  { name: 'restart-loop', ...exited, exitCode: 1, answer: /^status 503/ },
  { name: 'flapping', ...late, healthCheck: { successes: 5 }, answer: /^status (200|503)/ },
  { name: 'deaf', verdict: 'Succeeded' },
  {
    name: 'sick-later',
    deploy: { bake: '6s' },
    healthCheck: { retries: 2 },
    ...{ verdict: 'RolledBack', reason: 'Unhealthy', answer: /^status 503: not any more/ },
  },
  { name: 'silent-health', ...late, answer: /no whole answer/ },
  { name: 'dripping-health', ...late, answer: /no whole answer/ },
  { name: 'huge-bad-health', ...late, answer: /^status 503: x+/ },
  // The status tells, and the rest is not read to its end.
  { name: 'huge-good-health', verdict: 'Succeeded' },
  { name: 'redirecting-health', ...late, healthCheck: strict, answer: /^status 302/ },
  {
    name: 'never-healthy, left to look at',
    mode: 'never-healthy',
    deploy: { onFailure: 'pause' },
    ...{ verdict: 'Failed', reason: 'DeadlineExceeded', answer: /^status 503/ },
  },
  {
    name: 'never-healthy, and the one before spoilt',
    mode: 'never-healthy',
    spoils: true,
    ...late,
    answer: /^status 503/,
  },
];

/** Modes that may answer clients: the good ones, and what is healthy at first. */
export const servingModes: readonly string[] = [
  'good',
  'sick-later',
  ...kinds.filter(({ verdict }) => verdict === 'Succeeded').map(({ name, mode }) => mode ?? name),
];

/** All kinds in turn, until there are so many that are to be taken back. */
export function takeKinds(broken: number): Kind[] {
  const taken: Kind[] = [];
  for (let left = broken; left > 0; ) {
    const kind = kinds[taken.length % kinds.length];
    if (!kind) break;
    taken.push(kind);
    if (kind.verdict !== 'Succeeded') left -= 1;
  }
  return taken;
}
