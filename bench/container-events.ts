import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { jsonLines } from '../src/docker/json-lines.ts';
import { instance } from './workbench.ts';

export interface ContainerEvent {
  /** Milliseconds since the epoch, by the engine. */
  readonly at: number;
  /** `create`, `start`, `die`, … */
  readonly action: string;
  readonly container: string;
  readonly app: string;
  readonly specHash: string;
  readonly replica: number;
}

export interface ContainerEvents {
  /** All since it began, in their order. Throws when the engine has hung up: some may be missing. */
  all(): readonly ContainerEvent[];
  close(): void;
}

/** What happens to the bench's containers, as the engine tells it. */
export async function followContainers(docker: Docker): Promise<ContainerEvents> {
  const filters = { type: ['container' as const], label: [`plimsoll.instance=${instance}`] };
  const stream = (await docker.getEvents({ filters })) as Readable;
  const events: ContainerEvent[] = [];
  let hungUp = false;
  const read = async (): Promise<void> => {
    for await (const line of jsonLines(stream)) events.push(toEvent(JSON.parse(line)));
  };
  read()
    .catch(() => undefined)
    .finally(() => {
      hungUp = true;
    });
  return {
    all() {
      if (hungUp) throw new Error('the engine hung up on who follows its events');
      return events;
    },
    close: () => stream.destroy(),
  };
}

interface EngineEvent {
  readonly timeNano: number;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

function toEvent({ timeNano, Action, Actor }: EngineEvent): ContainerEvent {
  const { 'plimsoll.app': app = '', 'plimsoll.spec-hash': specHash = '' } = Actor.Attributes;
  const replica = Number(Actor.Attributes['plimsoll.replica']);
  return { at: timeNano / 1e6, action: Action, container: Actor.ID, app, specHash, replica };
}
