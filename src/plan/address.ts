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

/** The other address of the slot pair. */
export function sibling(address: string): string {
  const value = toNumber(address);
  return toAddress(value % 2 === 0 ? value + 1 : value - 1);
}

/** The slot that Caddy dials when the flag file exists is the odd one. */
export function isFlagged(address: string): boolean {
  return toNumber(address) % 2 === 1;
}

/** The pair's even address. */
export function plainOf(address: string): string {
  return isFlagged(address) ? sibling(address) : address;
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
  readonly #taken: Set<number>;
  readonly #spoken: ReadonlySet<number>;
  readonly #end: number;
  #next: number;

  /** `spoken` is what the routes dial: only the app that it is dialled for may come up there. */
  constructor(subnet: string, taken: Iterable<string>, spoken: Iterable<string> = []) {
    const [base = '', bits = '16'] = subnet.split('/');
    const start = toNumber(base);
    this.#taken = new Set([...taken].filter((address) => address !== '').map(toNumber));
    this.#spoken = new Set([...spoken].map(toNumber));
    this.#next = start + 2;
    this.#end = start + 2 ** (32 - Number(bits)) / 2;
  }

  isFree(address: string): boolean {
    return !this.#taken.has(toNumber(address));
  }

  take(address: string): void {
    this.#taken.add(toNumber(address));
  }

  /** Takes the lowest pair of which neither address is in use; undefined when the subnet is full. */
  takePair(flagged: boolean): string | undefined {
    for (; this.#next + 1 < this.#end; this.#next += 2) {
      if (this.#isTaken(this.#next) || this.#isTaken(this.#next + 1)) continue;
      const address = this.#next + (flagged ? 1 : 0);
      this.#taken.add(address);
      this.#next += 2;
      return toAddress(address);
    }
    return undefined;
  }

  #isTaken(address: number): boolean {
    return this.#taken.has(address) || this.#spoken.has(address);
  }
}
