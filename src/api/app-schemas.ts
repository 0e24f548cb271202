import { flag, list, mapping, named, object, orNull, pageOf, text, time, whole, word } from './schema.ts';

export const syncs = ['Synced', 'OutOfSync', 'Unknown'] as const;
export const healths = ['Healthy', 'Progressing', 'Degraded', 'Suspended', 'Missing', 'Unknown'] as const;
const results = ['Succeeded', 'Failed', 'RolledBack', 'Superseded'];
const phases = [
  'None',
  'Pending',
  'Building',
  'Pulling',
  'Starting',
  'Verifying',
  'Routing',
  'Draining',
  ...results,
];
const causes = ['commit', 'drift', 'digest', 'secret', 'rollback', 'restart', 'removed'];
const consequences = [
  'no-op',
  'route-only',
  'in-place',
  'signal',
  'scale',
  'start',
  'stop',
  'create',
  'start-first replace',
  'stop-first replace',
  'remove',
];

const replicaCounts = object({ desired: whole('As git says.'), ready: whole('Healthy ones.') });

const appFields = {
  name: text('Unique on the host.', { examples: ['shop'] }),
  labels: mapping('As the manifest says.', { type: 'string' }),
  project: orNull(text('The project it belongs to.')),
  environment: orNull(text('The environment it is rendered for.')),
  sync: word('Whether the host is as git says.', syncs),
  health: word('Whether it does its work.', healths),
  operation: word('The current or the last deployment.', phases),
  revision: text('Full commit id that git is at.'),
  liveRevision: text('Full commit id that serves; empty when nothing does.'),
  conditions: list('Why, for people and machines.', named('Condition')),
  error: orNull(text('What keeps it from being ready.')),
  replicas: replicaCounts,
  cause: orNull(word('Why anything differs.', causes)),
  consequence: word('What putting it right does to traffic.', consequences),
  nextRetry: orNull(time('When a failed act is tried again.')),
  suspended: orNull(
    object({
      actor: text('Who suspended it.'),
      reason: text('Why.'),
      until: orNull(time('When it ends by itself.')),
    }),
  ),
  pinned: orNull(object({ actor: text('Who pinned it.'), revision: text('The release that is held.') })),
};

/** One app tells of each replica; how many there are is its scale. */
const { replicas: _counts, ...detailFields } = appFields;

const deploymentFields = {
  id: text('Unique.', { examples: ['shop-20260131-120000'] }),
  app: text('Name of the app.'),
  release: text('Spec hash.'),
  digest: orNull(text('Image id.')),
  revision: text('Full commit id.'),
  cause: text('Why it was begun.', { examples: ['commit'] }),
  phase: text('How far it is, or its result.'),
  result: orNull(word('Null while it is under way.', results)),
  reason: orNull(text('PascalCase, for machines.')),
  message: orNull(text('For people.')),
  startedAt: orNull(time('When it was begun.')),
  finishedAt: orNull(time('When it ended.')),
};

export const appSchemas = {
  Condition: object({
    type: text('What it speaks of.', { examples: ['Ready'] }),
    status: word('Whether it holds.', ['True', 'False', 'Unknown']),
    reason: text('PascalCase, for machines.'),
    message: text('For people.'),
    lastTransitionTime: orNull(time('When the status last changed.')),
  }),
  AppItem: object(appFields),
  AppPage: pageOf('AppItem'),
  AppDetail: object({
    ...detailFields,
    scale: replicaCounts,
    description: orNull(text('As the manifest says.')),
    links: list('As the manifest says.', object({ title: text('For people.'), url: text('Where to.') })),
    domains: list(
      'Where it is served.',
      object({
        host: text('Lower case, punycode.'),
        path: text('Prefix.'),
        tls: word('How certificates come.', ['auto', 'internal', 'off']),
        redirectFrom: list('Hosts that redirect here.', { type: 'string' }),
      }),
    ),
    replicas: list(
      'The containers that hold its places or are about to.',
      object({
        replica: whole('Counted from 0.'),
        id: text('As the engine says.'),
        image: text('A name of its image, or its id.'),
        digest: text('Image id.'),
        release: text('Spec hash.'),
        standing: text('What it is to us.', { examples: ['current'] }),
        health: word('What probes say.', ['healthy', 'unhealthy', 'unknown']),
        ports: list('Published ones.', { type: 'string' }),
        startedAt: orNull(time('When it was last started.')),
        restarts: whole('By us, since it was deployed.'),
      }),
    ),
    containers: list('All that stand for it, hooks too.', named('ContainerItem')),
    deployment: orNull(
      object({ id: text('The one under way.'), startedAt: orNull(time('When it was begun.')) }),
    ),
    quarantine: orNull(
      object({
        release: text('Spec hash that is not tried again.'),
        deployment: text('In which it failed.'),
        reason: text('PascalCase.'),
        message: text('For people.'),
        since: orNull(time('When it failed.')),
      }),
    ),
  }),
  AppDiff: object({
    name: text('Name of the app.'),
    sync: word('Whether the host is as git says.', syncs),
    cause: orNull(word('Why anything differs.', causes)),
    consequence: word('What putting it right does to traffic.', consequences),
    revision: text('What git says.'),
    liveRevision: text('What serves.'),
    differences: list(
      'Field by field; values of secrets are stars.',
      object(
        {
          path: text('The field of the manifest.', { examples: ['spec.image'] }),
          live: text('On the host; absent when it is not there.'),
          desired: text('In git; absent when it is not there.'),
          cause: word('Why this field differs.', causes),
        },
        ['live', 'desired'],
      ),
    ),
    steps: list(
      'What comes next.',
      object({ kind: text('Of step.'), reason: text('Why.'), traffic: text('What it does to traffic.') }),
    ),
  }),
  DeploymentItem: object(deploymentFields),
  DeploymentPage: pageOf('DeploymentItem'),
  DeploymentDetail: object({
    ...deploymentFields,
    steps: list(
      'In the order of their beginning.',
      object({
        id: whole('Rises.'),
        kind: text('Of step.'),
        object: text('What was acted on.'),
        reason: text('Why.'),
        startedAt: orNull(time('Written before the call.')),
        endedAt: orNull(time('Written after it.')),
        outcome: orNull(text('What came of it.')),
        error: orNull(text('Why it failed.')),
      }),
    ),
    evidence: list(
      'Why containers were given up.',
      object({
        container: text('Its id.'),
        exitCode: { type: 'integer', description: 'As the engine says.' },
        oomKilled: flag('Killed for want of memory.'),
        attempts: list(
          'Probe answers.',
          object({ at: orNull(time('When.')), ok: flag('Healthy.'), detail: text('What it answered.') }),
        ),
        log: list('The last lines it wrote.', { type: 'string' }),
      }),
    ),
  }),
  DeploymentLine: object({
    time: orNull(time('Null where only the order is known.')),
    line: text('Escaped.'),
  }),
  EventItem: object({
    id: whole('Rises; resume a stream with it.'),
    at: orNull(time('The last time.')),
    firstAt: orNull(time('The first time.')),
    count: whole('How many times the same happened.', { minimum: 1 }),
    app: text('Empty for what concerns the host.'),
    type: text('What happened.', { examples: ['Deployed'] }),
    reason: text('PascalCase, for machines.'),
    message: text('For people.'),
  }),
  EventPage: pageOf('EventItem'),
  RevisionItem: object({
    id: text('Full commit id, or a hash of the content.'),
    firstSeen: orNull(time('When it was first read.')),
    problems: whole('In its manifests.'),
    nonFastForwardFrom: orNull(text('The revision before, when this one does not descend from it.')),
  }),
  RevisionPage: pageOf('RevisionItem'),
  LogItem: object({
    stream: word('Where it was written.', ['stdout', 'stderr']),
    line: text('Escaped.'),
    container: text('Its name.'),
    replica: whole('Counted from 0.'),
  }),
  Reconciled: object({
    converged: flag('Of the app when one was named, else of the host.'),
    look: whole('Number of the look that this answers with.'),
    apps: list('The app, or all.', named('AppItem')),
  }),
  Suspended: object({ app: text('Name of the app.'), until: orNull(time('When it ends by itself.')) }),
  Resumed: object({
    app: text('Name of the app.'),
    resumed: flag('It was suspended.'),
    unpinned: flag('It was pinned.'),
    manifestSuspends: flag('git itself says suspend.'),
  }),
  RolledBack: object({
    app: text('Name of the app.'),
    release: object({
      revision: text('Full commit id.'),
      specHash: text('Spec hash.'),
      digest: text('Image id.'),
    }),
    hint: text('What makes it permanent.'),
  }),
  Approved: object({
    app: text('Name of the app.'),
    approved: word('What was approved.', ['rollout', 'removal']),
    release: orNull(text('Spec hash.')),
    revision: text('Full commit id.'),
  }),
  PruneApproved: object({
    revision: text('The commit whose removals were approved.'),
    apps: list('The apps it removes.', { type: 'string' }),
  }),
  Restarted: object({
    app: text('Name of the app.'),
    replicas: list('Those that restart.', whole('Replica.')),
  }),
};
