import type { EngineEvent } from './event-stream.ts';
import { label } from './labels.ts';

/** What an event makes out of date. */
export interface Marks {
  readonly container?: string;
  /** It is asked to end. */
  readonly signalled?: true;
  readonly networks?: true;
  /** The endpoints in our network. */
  readonly addresses?: true;
  readonly volumes?: true;
  readonly images?: true;
  /** Said to the loop; absent when nobody needs to look. */
  readonly news?: string;
}

interface Concerns {
  readonly instance: string;
  /** Name of our network. */
  readonly network: string;
  /** Ids of containers that bear our label. */
  isLabelled(id: string): boolean;
}

/** Happens to a container without changing anything we read; our own health commands are among it. */
const idle =
  /^(?:exec_|attach|detach|resize|top|copy|commit|export|archive-path|extract-to-dir|checkpoint|exec$|exec_died|mount|unmount)/;

/** Signals that end a program: SIGINT, SIGQUIT, SIGKILL, SIGTERM. */
const ending: ReadonlySet<string> = new Set(['2', '3', '9', '15']);

/** Podman tells of no network when a container comes or goes, and Docker has none of these words. */
const podmanMoves = /^(?:init|cleanup)$/;

/** What one event means for the cache: too much is marked rather than too little. */
export function marksOf(event: EngineEvent, concerns: Concerns): Marks {
  const action = event.Action ?? '';
  const { ID: id = '', Attributes: attributes = {} } = event.Actor ?? {};
  switch (event.Type) {
    case 'container': {
      const ours = attributes[label.instance] === concerns.instance || concerns.isLabelled(id);
      if (!ours) return podmanMoves.test(action) ? { addresses: true } : {};
      if (idle.test(action)) return {};
      return {
        container: id,
        news: `container ${attributes.name ?? id.slice(0, 12)} ${action}`,
        ...(action === 'kill' && ending.has(attributes.signal ?? '') ? { signalled: true } : {}),
      };
    }
    case 'network':
      return networkMarks(action, attributes, concerns);
    case 'volume': {
      if (idle.test(action)) return {};
      return { volumes: true, ...(id.startsWith('plimsoll-') ? { news: `volume ${id} ${action}` } : {}) };
    }
    case 'image': {
      if (action === 'push' || action === 'save' || idle.test(action)) return {};
      return { images: true, news: `image ${attributes.name ?? id.slice(0, 19)} ${action}` };
    }
    default:
      return {};
  }
}

function networkMarks(
  action: string,
  { container, name = '' }: Readonly<Record<string, string>>,
  { network, isLabelled }: Concerns,
): Marks {
  const news = `network ${name} ${action}`;
  if (action !== 'connect' && action !== 'disconnect') {
    return { networks: true, addresses: true, ...(name === network ? { news } : {}) };
  }
  // A container of ours tells its address itself.
  if (container !== undefined && isLabelled(container)) return { container, news };
  return name === network ? { addresses: true } : {};
}
