import type { AppItem } from '../api/app-item.ts';
import { shortRevision } from './short-text.ts';
import type { Column } from './table.ts';

/** A list of apps, the reason last because it is the longest. */
export const appColumns: readonly Column<AppItem>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'SYNC', text: ({ sync }) => sync },
  { title: 'HEALTH', text: ({ health }) => health },
  { title: 'OPERATION', text: ({ operation }) => operation },
  { title: 'REPLICAS', text: ({ replicas }) => `${replicas.ready}/${replicas.desired}` },
  { title: 'REVISION', text: ({ liveRevision }) => shortRevision(liveRevision) },
  { title: 'REASON', text: whyNotReady },
];

/** Empty for an app that is as git wants it. */
export function whyNotReady({ conditions, nextRetry }: AppItem): string {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready || ready.status === 'True') return '';
  const retry = nextRetry === null ? '' : ` (next try ${nextRetry.slice(11, 19)}Z)`;
  return `${ready.reason}: ${ready.message}${retry}`;
}
