import { isIPv6 } from 'node:net';

const minute = 60_000;
/** Addresses that are remembered at once; the one that was silent for longest is forgotten first. */
const mostAddresses = 10_000;

interface Window {
  readonly from: number;
  readonly before: number;
  readonly count: number;
}

/**
 * A sliding window a minute long, for each address: what came in the minute before counts as far as that minute
 * still reaches into the last sixty seconds. Two numbers an address, whatever comes.
 */
export class RateLimiter {
  readonly #most: number;
  readonly #now: () => number;
  readonly #addresses: number;
  readonly #windows = new Map<string, Window>();

  constructor(most: number, now: () => number, addresses = mostAddresses) {
    this.#most = most;
    this.#now = now;
    this.#addresses = addresses;
  }

  get tracked(): number {
    return this.#windows.size;
  }

  /** Counts one; else the seconds to wait, and nothing is counted. */
  take(address: string): number | undefined {
    const wait = this.waitOf(address);
    if (wait === undefined) this.count(address);
    return wait;
  }

  /** Seconds until one more is allowed; undefined when it is now. */
  waitOf(address: string): number | undefined {
    const { from, before, count } = this.#windowOf(keyOf(address));
    const elapsed = this.#now() - from;
    const free = this.#most - 1 - count;
    const isAllowed = before * (1 - elapsed / minute) <= free;
    if (isAllowed) return undefined;
    // Either the last minute fades enough within this one, or this one has to fade in the next.
    const at = free >= 0 ? minute * (1 - free / before) : minute + minute * (1 - (this.#most - 1) / count);
    return Math.max(1, Math.ceil((at - elapsed) / 1000));
  }

  count(address: string): void {
    const key = keyOf(address);
    const window = this.#windowOf(key);
    this.#windows.delete(key);
    this.#windows.set(key, { ...window, count: window.count + 1 });
    if (this.#windows.size <= this.#addresses) return;
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }

  #windowOf(key: string): Window {
    const now = this.#now();
    const known = this.#windows.get(key);
    if (known === undefined || now - known.from >= 2 * minute || now < known.from)
      return { from: now, before: 0, count: 0 };
    return now - known.from < minute ? known : { from: known.from + minute, before: known.count, count: 0 };
  }
}

/** Whoever has an IPv6 network has all addresses of it. */
function keyOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const parts = head.split(':').filter(Boolean);
  const missing = 8 - parts.length - tail.split(':').filter(Boolean).length;
  return [...parts, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':')]
    .slice(0, 4)
    .join(':');
}
