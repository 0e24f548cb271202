/**
 * Slots are pairs of neighbouring addresses that differ in the last bit. The new release of a replica comes
 * up at the sibling of the address that serves, so where a replica may live follows from where it lives.
 */

/** IPv4 text to number; throws on anything else, since addresses come from us or the engine. */
export function toNumber(address: string): number {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    throw new Error(`not an IPv4 address: ${address}`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The other address of the slot pair: the two differ in their last number alone. */
export function sibling(address: string): string {
  const dot = address.lastIndexOf('.') + 1;
  const last = Number(address.slice(dot));
  return `${address.slice(0, dot)}${last % 2 === 0 ? last + 1 : last - 1}`;
}

/** The slot that Caddy dials when the flag file exists is the odd one. */
export function isFlagged(address: string): boolean {
  return address.charCodeAt(address.length - 1) % 2 === 1;
}

/** The pair's even address. */
export function plainOf(address: string): string {
  return isFlagged(address) ? sibling(address) : address;
}

/** The host part of `address:port`. */
export function addressOf(dial: string): string {
  return dial.slice(0, dial.lastIndexOf(':'));
}

/** The half of a subnet that the engine allocates from by itself, as a CIDR. */
export function upperHalf(subnet: string): string {
  const [base = '', bits = '16'] = subnet.split('/');
  return `${toAddress(toNumber(base) + 2 ** (32 - Number(bits)) / 2)}/${Number(bits) + 1}`;
}

/**
 * Free slot pairs of a subnet, lowest first. Slots live in the lower half; the upper half is left to the
 * engine's own allocation, so that a container without a fixed address never sits in a slot.
 */
export class Slots {
  readonly #occupied: () => Occupied;
  readonly #end: number;
  #taken: Set<string> | undefined;
  #spoken: ReadonlyMap<string, string> = new Map();
  #next: number;

  /** `occupied` is called when the first address is asked for: most looks ask for none. */
  constructor(subnet: string, occupied: () => Occupied) {
    const [base = '', bits = '16'] = subnet.split('/');
    const start = toNumber(base);
    this.#occupied = occupied;
    this.#next = start + 2;
    this.#end = start + 2 ** (32 - Number(bits)) / 2;
  }

  /** For one of these apps: nobody has it, and Caddy does not dial it for another one. */
  isFree(address: string, apps: readonly (string | undefined)[]): boolean {
    if (this.#inUse().has(address)) return false;
    const speaker = this.#spoken.get(address);
    return speaker === undefined || apps.includes(speaker);
  }

  take(address: string): void {
    this.#inUse().add(address);
  }

  /** Takes the lowest pair of which neither address is in use; undefined when the subnet is full. */
  takePair(flagged: boolean): string | undefined {
    const taken = this.#inUse();
    for (; this.#next + 1 < this.#end; this.#next += 2) {
      const pair = [toAddress(this.#next), toAddress(this.#next + 1)] as const;
      if (pair.some((address) => taken.has(address) || this.#spoken.has(address))) continue;
      const address = pair[flagged ? 1 : 0];
      taken.add(address);
      this.#next += 2;
      return address;
    }
    return undefined;
  }

  #inUse(): Set<string> {
    if (this.#taken === undefined) {
      const { taken, spoken } = this.#occupied();
      this.#taken = new Set(taken);
      this.#spoken = new Map(spoken);
    }
    return this.#taken;
  }
}

export interface Occupied {
  readonly taken: Iterable<string>;
  /** What the routes dial, and for which app: only that one may come up there. */
  readonly spoken: Iterable<readonly [address: string, app: string]>;
}

/** For a scene that is only looked at: nothing is made in it. */
export function noSlots(subnet: string): Slots {
  return new Slots(subnet, () => ({ taken: [], spoken: [] }));
}
