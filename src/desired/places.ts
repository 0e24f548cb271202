import type { Span } from './source-text.ts';

/** Where the value at one JSON pointer stands, and the key that leads to it. */
export interface Place {
  readonly key?: Span;
  readonly value: Span;
  /** A number or boolean as it stands in the file: `010`, `1.10`, `0x1F`. */
  readonly written?: string;
}

/** Places in one document, by JSON pointer. */
export type Places = Pick<ReadonlyMap<string, Place>, 'get' | 'has'> & Iterable<[string, Place]>;

/**
 * The same places, in a fifth of the memory. Every document that was read is kept, so that it need not be read again;
 * its places are asked for when it is judged, and later for hardly any.
 */
export function packed(places: ReadonlyMap<string, Place>): Places {
  return new PackedPlaces(places);
}

type Packed = readonly [pointer: string, value: SpanPair, key: SpanPair | 0, written?: string];
type SpanPair = readonly [start: number, end: number];

class PackedPlaces implements Places {
  readonly #text: string;
  #opened: WeakRef<ReadonlyMap<string, Place>>;

  constructor(places: ReadonlyMap<string, Place>) {
    this.#text = JSON.stringify([...places].map(pack));
    this.#opened = new WeakRef(places);
  }

  get(pointer: string): Place | undefined {
    return this.#open().get(pointer);
  }

  has(pointer: string): boolean {
    return this.#open().has(pointer);
  }

  [Symbol.iterator](): Iterator<[string, Place]> {
    return this.#open()[Symbol.iterator]();
  }

  /** For as long as the collector leaves it: who asks for one asks for more. */
  #open(): ReadonlyMap<string, Place> {
    const opened = this.#opened.deref();
    if (opened !== undefined) return opened;
    const places = new Map((JSON.parse(this.#text) as readonly Packed[]).map(unpack));
    this.#opened = new WeakRef(places);
    return places;
  }
}

function pack([pointer, { key, value, written }]: readonly [string, Place]): Packed {
  const spans = [pointer, pair(value), key === undefined ? 0 : pair(key)] as const;
  return written === undefined ? spans : [...spans, written];
}

function unpack([pointer, value, key, written]: Packed): [string, Place] {
  return [
    pointer,
    {
      ...(key === 0 ? {} : { key: span(key) }),
      value: span(value),
      ...(written === undefined ? {} : { written }),
    },
  ];
}

function pair({ start, end }: Span): SpanPair {
  return [start, end];
}

function span([start, end]: SpanPair): Span {
  return { start, end };
}
