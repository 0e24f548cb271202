import type { ContainerItem } from '../api/container-item.ts';
import { shortId, shortTime } from './short-text.ts';
import type { Column } from './table.ts';

export const containerColumns: readonly Column<ContainerItem>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'REPLICA', text: ({ replica }) => String(replica) },
  { title: 'STANDING', text: ({ standing }) => standing },
  { title: 'STATE', text: ({ state, exitCode }) => (exitCode === null ? state : `${state} (${exitCode})`) },
  { title: 'HEALTH', text: ({ health }) => health },
  { title: 'RESTARTS', text: ({ restarts }) => String(restarts) },
  { title: 'STARTED', text: ({ startedAt }) => shortTime(startedAt) },
  { title: 'ID', text: ({ id }) => shortId(id) },
  { title: 'IMAGE', text: ({ image }) => image },
];
