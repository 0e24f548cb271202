import type { SourceStatus } from '../git/sources.ts';
import type { DeliveryRecord } from '../history/delivery-log.ts';
import type { Handlers } from './call.ts';
import type { Caller } from './caller.ts';
import type { ControllerPort } from './controller-port.ts';
import { cursorOf, pageInOrder, toCursor } from './page.ts';
import { timeText } from './time-text.ts';
import { chosenApps } from './visible-apps.ts';

/** Where desired comes from, and who says that there is news. */
export function sourceRoutes(port: ControllerPort) {
  return {
    listSources: ({ caller, query }) =>
      pageInOrder(query, visibleSources(port, caller).map(sourceItem), ({ name }) => name),
    listDeliveries: ({ query }) => {
      const { limit = 100, provider, outcome } = query;
      const before = cursorOf(query);
      const found = port.history.deliveries.list({
        limit: limit + 1,
        provider,
        outcome,
        before: before === undefined ? undefined : Number(before) || 0,
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return {
        items: items.map(deliveryItem),
        next: last !== undefined && found.length > limit ? toCursor(String(last.id)) : null,
      };
    },
  } satisfies Partial<Handlers>;
}

/** Of several sources those that an app comes from which the caller may see: their files lie in folders of their names. */
function visibleSources(port: ControllerPort, caller: Caller): readonly SourceStatus[] {
  const all = port.sources();
  const chosen = chosenApps(port, caller);
  if (chosen === undefined || all.length < 2) return all;
  const apps = port.loop.status.world?.desired.apps ?? [];
  const folders = new Set(
    apps.filter(({ name }) => chosen.has(name)).map(({ origin }) => origin.file.split('/')[0]),
  );
  return all.filter(({ name }) => folders.has(name));
}

/** A hostile repository must not make a long answer. */
const mostOmitted = 100;

function sourceItem(source: SourceStatus) {
  const { name, address, path, follows, tag, revision, seen, readAt, error, verification } = source;
  const { nonFastForward, omitted } = source;
  return {
    name,
    address,
    path,
    follows,
    tag: tag ?? null,
    revision: revision ?? null,
    seen: seen ?? null,
    readAt: timeText(readAt),
    error: error ? { reason: error.reason, message: error.message, since: timeText(error.since) } : null,
    verification: verification
      ? {
          mode: verification.mode,
          keys: verification.keys,
          by: verification.by ?? null,
          refused: verification.refused ?? null,
        }
      : null,
    nonFastForward: nonFastForward
      ? { from: nonFastForward.from, to: nonFastForward.to, at: timeText(nonFastForward.at) }
      : null,
    omitted: omitted.slice(0, mostOmitted),
  };
}

function deliveryItem({ provider, receivedAt, look, revision, ...record }: DeliveryRecord) {
  const { id, delivery, event, repository, ref, commit, address, outcome, reason, count } = record;
  return {
    id,
    provider,
    delivery,
    event,
    repository,
    ref,
    commit,
    address,
    receivedAt: timeText(receivedAt),
    outcome,
    reason,
    look: look ?? null,
    revision: revision ?? null,
    count,
  };
}

export type SourceItem = ReturnType<typeof sourceItem>;
export type DeliveryItem = ReturnType<typeof deliveryItem>;
