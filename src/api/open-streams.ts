import { ProblemError } from './problem.ts';

export interface StreamLimits {
  readonly all: number;
  readonly perAddress: number;
  /** Milliseconds that a full buffer may stay full. */
  readonly patience: number;
  /** Bytes that wait for a slow reader. */
  readonly buffer: number;
  /** Milliseconds between two signs of life on a stream that has nothing to say. */
  readonly heartbeat: number;
}

const usual: StreamLimits = {
  all: 100,
  perAddress: 10,
  patience: 30_000,
  buffer: 64 * 1024,
  heartbeat: 15_000,
};

/** Counts the streams that are open, so that clients that never leave cannot take the controller along. */
export class OpenStreams {
  readonly limits: StreamLimits;
  readonly #open = new Map<AbortController, string>();
  #dropped = 0;

  constructor(limits: Partial<StreamLimits> = {}) {
    this.limits = { ...usual, ...limits };
  }

  get open(): number {
    return this.#open.size;
  }

  /** Streams whose reader did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a place until the answer is aborted; on the socket, whose address is empty, only all of them count. */
  enter(address: string): AbortController {
    const { all, perAddress } = this.limits;
    if (this.#open.size >= all)
      throw new ProblemError(503, 'TooManyStreams', `${all} streams are open already`, 'close some');
    const mine = [...this.#open.values()].filter((one) => one === address).length;
    if (address !== '' && mine >= perAddress)
      throw new ProblemError(
        429,
        'TooManyStreams',
        `${perAddress} streams are open already from this address`,
        'close some',
        { 'retry-after': '5' },
      );
    const place = new AbortController();
    this.#open.set(place, address);
    place.signal.addEventListener('abort', () => this.#open.delete(place), { once: true });
    return place;
  }

  drop(place: AbortController): void {
    this.#dropped += 1;
    place.abort();
  }

  /** Ends all of them. */
  close(): void {
    for (const place of [...this.#open.keys()]) place.abort();
  }
}
