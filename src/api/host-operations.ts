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
  listHosts: {
    ...reads,
    path: '/api/v1/hosts',
    summary: 'The machines that apps run on',
    description: 'This version knows one. An engine that does not answer is `unreachable`, never left out.',
    query: paging(500),
    answer: json(named('HostPage')),
  },
  listRoutes: {
    ...reads,
    path: '/api/v1/routes',
    summary: 'What Caddy serves, sorted by host and path',
    description: 'Each with the certificate that Caddy shows for it, as of the last minutes.',
    query: { ...paging(500), ...appFilters },
    answer: json(named('RoutePage')),
  },
  listNetworks: {
    ...reads,
    path: '/api/v1/networks',
    summary: 'Networks that are ours or that apps use, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('NetworkPage')),
  },
  listVolumes: {
    ...reads,
    path: '/api/v1/volumes',
    summary: 'Volumes that are ours or that apps use, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('VolumePage')),
  },
  listImages: {
    ...reads,
    path: '/api/v1/images',
    summary: 'Images that apps use or are to use, sorted by name',
    query: { ...paging(500), ...appFilters },
    answer: json(named('ImagePage')),
  },
} as const satisfies Readonly<Record<string, Operation>>;
