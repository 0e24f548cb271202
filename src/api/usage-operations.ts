import { appFilters, appName, json, type Operation, paging } from './operation.ts';
import { named } from './schema.ts';

const reads = { method: 'GET', rate: 'read', scope: 'read' } as const;

const told = 'The engine measures for about a second.';

export const usageOperations = {
  getAppStats: {
    ...reads,
    path: '/api/v1/apps/{name}/stats',
    tag: 'apps',
    summary: 'What each running container of an app uses now',
    description: told,
    params: appName,
    query: paging(500),
    answer: json(named('UsagePage')),
  },
  listStats: {
    ...reads,
    path: '/api/v1/stats',
    tag: 'host',
    summary: 'What each running container uses now, sorted by app and replica',
    description: told,
    query: { ...paging(500), ...appFilters },
    answer: json(named('UsagePage')),
  },
  getMetrics: {
    ...reads,
    path: '/metrics',
    tag: 'server',
    hostWide: true,
    summary: 'Everything that can be counted, for Prometheus',
    description:
      'Collected from the last look, and what containers use from the engine, when it is asked for.',
    answer: { 'text/plain': { type: 'string' } },
  },
} as const satisfies Readonly<Record<string, Operation>>;
