/** Tells listeners that something may be new: at most once in 50 ms, and once every interval. */
export interface Announcer {
  announce(): void;
  /** `started` runs when the first listener comes. */
  onChange(listener: () => void): () => void;
  close(): void;
}

const settleTime = 50;

export function createAnnouncer(interval: number, started: () => void): Announcer {
  const listeners = new Set<() => void>();
  let settling: NodeJS.Timeout | undefined;
  let ticking: NodeJS.Timeout | undefined;
  let closed = false;
  return {
    announce,
    onChange(listener) {
      // A wrapper of its own for each call, so that one function may listen twice.
      const own = () => listener();
      listeners.add(own);
      if (ticking === undefined && !closed) {
        ticking = setInterval(announce, interval);
        started();
      }
      return () => listeners.delete(own);
    },
    close() {
      closed = true;
      clearTimeout(settling);
      clearInterval(ticking);
      listeners.clear();
    },
  };

  /** The first news sets the moment: a folder that never rests must not be silent for ever. */
  function announce(): void {
    if (closed || settling !== undefined) return;
    settling = setTimeout(() => {
      settling = undefined;
      for (const listener of [...listeners]) listener();
    }, settleTime);
  }
}
