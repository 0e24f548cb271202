import { healths, syncs } from './app-schemas.ts';
import { appFilters, appName, json, type Operation, paging } from './operation.ts';
import { flag, named, object, request, text, whole, word } from './schema.ts';

const reason = { minLength: 1, maxLength: 500, pattern: '\\S', 'x-expects': 'text of 1 to 500 characters' };
const duration = {
  pattern: '^(?=\\d)(\\d{1,9}d)?(\\d{1,9}h)?(\\d{1,9}m(?!s))?(\\d{1,9}s)?(\\d{1,9}ms)?$',
  'x-expects': 'a duration such as "2h"',
};

const verbs = { tag: 'apps', method: 'POST', rate: 'write', scope: 'operate' } as const;
const reads = { method: 'GET', rate: 'read', scope: 'read' } as const;

export const appOperations = {
  listApps: {
    ...reads,
    path: '/api/v1/apps',
    tag: 'apps',
    summary: 'Every app of git and of the host, sorted by name',
    description: 'What could not be observed is `Unknown`, never left out.',
    query: {
      ...paging(500),
      ...appFilters,
      sync: word('Only apps that are so.', syncs),
      health: word('Only apps that are so.', healths),
    },
    answer: json(named('AppPage')),
  },
  getApp: {
    ...reads,
    path: '/api/v1/apps/{name}',
    tag: 'apps',
    summary: 'One app with all that stands for it',
    params: appName,
    answer: json(named('AppDetail')),
  },
  getAppDiff: {
    ...reads,
    path: '/api/v1/apps/{name}/diff',
    tag: 'apps',
    summary: 'What git wants against what is there, field by field',
    params: appName,
    answer: json(named('AppDiff')),
  },
  getAppLogs: {
    ...reads,
    path: '/api/v1/apps/{name}/logs',
    scope: 'logs',
    tag: 'apps',
    summary: 'What the containers of an app wrote',
    description:
      'Lines of text, those of several replicas sorted into one; with `follow` server-sent events `line`, each a LogItem, and `end` when all have ended. `Last-Event-ID` resumes a stream.',
    params: appName,
    query: {
      follow: flag('Go on with what they write from now.'),
      tail: {
        type: ['integer', 'string'],
        minimum: 0,
        pattern: '^all$',
        description: 'The last so many lines of each container.',
        examples: [100],
        'x-expects': 'a whole number of at least 0, or "all"',
      },
      since: text('A duration such as `1h`, or an RFC 3339 time.', {
        minLength: 1,
        maxLength: 40,
        examples: ['1h'],
      }),
      replica: whole('Only of this replica, counted from 0.', { maximum: 1000 }),
      previous: flag('Of the containers before, as long as they are kept.'),
      timestamps: flag('Each line begins with its time.'),
    },
    headers: { 'Last-Event-ID': text('Goes on after this event.') },
    answer: {
      'text/plain': { type: 'string' },
      'text/event-stream': { type: 'string', 'x-events': { line: named('LogItem'), end: object({}) } },
    },
  },
  listDeployments: {
    ...reads,
    path: '/api/v1/apps/{name}/deployments',
    tag: 'history',
    summary: 'The deployments of an app, newest first',
    params: appName,
    query: paging(20),
    answer: json(named('DeploymentPage')),
  },
  getDeployment: {
    ...reads,
    path: '/api/v1/deployments/{id}',
    tag: 'history',
    summary: 'One deployment with its steps and evidence',
    params: { id: text('As the list says.', { minLength: 1, maxLength: 200, examples: ['shop-1'] }) },
    answer: json(named('DeploymentDetail')),
  },
  listEvents: {
    ...reads,
    path: '/api/v1/events',
    tag: 'history',
    summary: 'What happened, oldest first',
    description:
      'The newest page first, `next` leads to older ones; with `after` the other way. With `Accept: text/event-stream` a stream of events `event` that goes on; `Last-Event-ID` resumes it.',
    query: {
      ...paging(100),
      ...appFilters,
      app: text('Only of this app.', { minLength: 1, maxLength: 200, examples: ['shop'] }),
      after: whole('Only those with a higher id, the oldest of them first.', { examples: [0] }),
    },
    headers: { 'Last-Event-ID': text('Goes on after this event.') },
    answer: {
      'application/json': named('EventPage'),
      'text/event-stream': { type: 'string', 'x-events': { event: named('EventItem') } },
    },
  },
  listRevisions: {
    ...reads,
    path: '/api/v1/revisions',
    tag: 'history',
    summary: 'What git was seen at, newest first',
    query: paging(50),
    answer: json(named('RevisionPage')),
  },
  reconcile: {
    ...verbs,
    path: '/api/v1/reconcile',
    scope: 'reconcile',
    verb: 'reconcile',
    summary: 'Look now, and answer with what was seen',
    body: request({
      app: text('Only this app.', { ...reason, examples: ['shop'] }),
      retry: flag('Try again what failed or is in quarantine.'),
    }),
    answer: json(named('Reconciled')),
  },
  suspendApp: {
    ...verbs,
    path: '/api/v1/apps/{name}/suspend',
    verb: 'suspend',
    summary: 'Leave an app as it is: observe and report, change nothing',
    params: appName,
    body: request(
      {
        reason: text('Why, for those who come after.', { ...reason, examples: ['moving the database'] }),
        for: text('Ends by itself after so long.', { ...duration, examples: ['2h'] }),
      },
      ['reason'],
    ),
    answer: json(named('Suspended')),
  },
  resumeApp: {
    ...verbs,
    path: '/api/v1/apps/{name}/resume',
    verb: 'resume',
    summary: 'Back to what git says: ends a suspension and lifts a pin',
    params: appName,
    body: request({}),
    answer: json(named('Resumed')),
  },
  rollbackApp: {
    ...verbs,
    path: '/api/v1/apps/{name}/rollback',
    verb: 'rollback',
    summary: 'Go back to the release before, or to another one, and hold it',
    params: appName,
    body: request({
      to: text('Commit or spec hash of a release that was healthy, or its beginning.', {
        ...reason,
        examples: ['3f2a91c'],
      }),
    }),
    answer: json(named('RolledBack')),
    problems: { 409: 'There is no such release to go to.' },
  },
  approveApp: {
    ...verbs,
    path: '/api/v1/apps/{name}/approve',
    verb: 'approve',
    summary: 'Approve a rollout, or the removal of an app that git does not name any more',
    params: appName,
    body: request({ removal: flag('The removal is meant.') }),
    answer: json(named('Approved')),
    problems: { 409: 'There is nothing of the kind to approve.' },
  },
  restartApp: {
    ...verbs,
    path: '/api/v1/apps/{name}/restart',
    verb: 'restart',
    summary: 'Restart an app gaplessly',
    params: appName,
    body: request({ replica: whole('Only this one, counted from 0.', { maximum: 1000 }) }),
    answer: json(named('Restarted')),
    problems: { 409: 'Nothing of the kind runs.' },
  },
  approvePrune: {
    ...verbs,
    path: '/api/v1/approve-prune',
    verb: 'approve-prune',
    hostWide: true,
    summary: 'Release the removals of a commit that prune.maxShare holds',
    body: request({}),
    answer: json(named('PruneApproved')),
    problems: { 409: 'Nothing is held.' },
  },
} as const satisfies Readonly<Record<string, Operation>>;
