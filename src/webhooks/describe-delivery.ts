import { createHash } from 'node:crypto';
import { escapeText, shorten } from '../desired/shown-text.ts';
import type { NewDelivery } from '../history/delivery-log.ts';
import type { Announcement } from './forge.ts';
import { parseRepositoryAddress } from './repository-address.ts';

export interface Delivered {
  /** What the sender calls it. */
  readonly delivery: string | undefined;
  readonly event: string | undefined;
  readonly announcement: Announcement;
  readonly body: Buffer;
}

/** As it is stored. */
export type Described = Pick<NewDelivery, 'delivery' | 'event' | 'repository' | 'ref' | 'commit'>;

const longestId = 80;
const longestText = 120;

/** What is stored of a delivery: texts of the sender, without secrets, short, and safe to print. */
export function describeDelivery(
  { delivery, event, announcement, body }: Delivered,
  redact: (text: string) => string = (text) => text,
): Described {
  const shown = (text: string | undefined): string =>
    escapeText(shorten(redact((text ?? '').slice(0, 8_192)), longestText));
  const push = announcement.kind === 'push' ? announcement : undefined;
  const changes = push?.changes ?? [];
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  const [change] = changes;
  return {
    delivery: shownId(delivery, body, redact),
    event: shown(event),
    repository: shown(repositoryOf(push)),
    ref: change?.ref === undefined ? '' : `${shown(change.ref)}${more}`,
    commit: shown(change?.commit),
  };
}

function repositoryOf(push: (Announcement & { kind: 'push' }) | undefined): string {
  const { addresses = [], path = '' } = push?.repository ?? {};
  const [first = path] = addresses;
  const parsed = parseRepositoryAddress(first);
  // What is no address may hold anything; an address with a password is one that we take apart.
  return parsed ? `${parsed.host}/${parsed.path}` : first;
}

/**
 * The id as it is known by from here on; two that differ stay different when they are shortened. Without one it is told
 * by the body: the same bytes are the same delivery.
 */
function shownId(id: string | undefined, body: Buffer, redact: (text: string) => string): string {
  if (id === undefined || id.trim() === '') return `sha256:${digest(body)}`;
  if (/^[\x21-\x7e]+$/.test(id) && id.length <= longestId) return redact(id);
  const start = escapeText(shorten(redact(id.slice(0, 8_192)), 40)).replace(/\s/g, '_');
  return `${start}~${digest(Buffer.from(id))}`;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
