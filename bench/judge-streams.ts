import type { ContainerEvent } from './container-events.ts';
import type { Switch } from './server-app.ts';
import type { StreamEnd } from './stream-client.ts';

export interface JudgedStreams {
  /** Open while their replica was switched to another container. */
  readonly through: readonly StreamEnd[];
  /** Of these, those that were cut when the time to drain was over. */
  readonly drained: readonly StreamEnd[];
  readonly faults: readonly string[];
}

/** Which streams were cut before they had the time that a manifest promises them. */
export function judgeStreams(
  streams: readonly StreamEnd[],
  events: readonly ContainerEvent[],
  { switches, drain }: { readonly switches: readonly Switch[] /** Milliseconds. */; readonly drain: number },
): JudgedStreams {
  const through: StreamEnd[] = [];
  const drained: StreamEnd[] = [];
  const faults: string[] = [];
  for (const stream of streams) {
    const away = switchedAway(stream, events, switches);
    const lived = stream.openedAt <= (away ?? 0) && (away ?? 0) <= stream.endedAt;
    if (lived) through.push(stream);
    if (stream.complete) continue;
    if (away !== undefined && stream.endedAt >= away + drain) drained.push(stream);
    else faults.push(describe(stream, away));
  }
  return { through, drained, faults };
}

/** When traffic left the container for the one that was made after it. */
function switchedAway(
  { container }: StreamEnd,
  events: readonly ContainerEvent[],
  switches: readonly Switch[],
): number | undefined {
  const made = events.filter(({ action }) => action === 'create');
  const own = made.find((event) => event.container.startsWith(container));
  const isSame = (one: { readonly app: string; readonly replica: number }): boolean =>
    one.app === own?.app && one.replica === own.replica;
  const next = own && made.find((event) => isSame(event) && event.at > own.at);
  return next && switches.find((one) => isSame(one) && one.at >= next.at)?.at;
}

function describe(
  { kind, release, container, openedAt, endedAt }: StreamEnd,
  away: number | undefined,
): string {
  const when = away === undefined ? 'though nothing took its place' : `${endedAt - away} ms after its switch`;
  const since = `${((endedAt - openedAt) / 1000).toFixed(1)} s after it was opened`;
  return `${new Date(endedAt).toISOString()} ${kind} of release ${release} (${container}): cut ${when}, ${since}`;
}
