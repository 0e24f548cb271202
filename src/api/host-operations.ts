import { appFilters, json, type Operation, paging } from './operation.ts';
import { named } from './schema.ts';

const reads = { method: 'GET', rate: 'read', scope: 'read', tag: 'host' } as const;

export const hostOperations = {
  getStatus: {
    ...reads,
    path: '/api/v1/status',
    summary: 'The whole host at a glance',
    answer: json(named('HostStatus')),
  },
  listContainers: {
    ...reads,
    path: '/api/v1/containers',
    summary: 'Containers of ours, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('ContainerPage')),
  },
  listRoutes: {
    ...reads,
    path: '/api/v1/routes',
    summary: 'What Caddy serves, sorted by host and path',
    query: { ...paging(500), ...appFilters },
    answer: json(named('RoutePage')),
  },
  listNetworks: {
    ...reads,
    path: '/api/v1/networks',
    summary: 'Networks of the engine, sorted by name',
    query: paging(500),
    answer: json(named('NetworkPage')),
  },
  listVolumes: {
    ...reads,
    path: '/api/v1/volumes',
    summary: 'Volumes of ours, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('VolumePage')),
  },
  listImages: {
    ...reads,
    path: '/api/v1/images',
    summary: 'Images that apps use or used, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('ImagePage')),
  },
} as const satisfies Readonly<Record<string, Operation>>;
