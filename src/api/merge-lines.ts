/** Lines of several logs as they come; ends when all have ended. One that fails ends the whole. */
export async function* mergeAsTheyCome<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const pending = new Map(iterators.map((_, index) => [index, next(iterators, index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(index);
      else {
        pending.set(index, next(iterators, index));
        yield result.value;
      }
    }
  } finally {
    for (const iterator of iterators) iterator.return?.().catch(() => undefined);
  }
}

/** Lines of several logs, each sorted by key, in the order of their keys. */
export async function* mergeInOrder<T>(
  sources: readonly AsyncIterable<T>[],
  keyOf: (item: T) => string,
): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const heads = await Promise.all(iterators.map((_, index) => next(iterators, index)));
  try {
    for (;;) {
      const left = heads.flatMap(({ index, result }) =>
        result.done ? [] : [{ index, value: result.value }],
      );
      const [head, ...others] = left;
      if (!head) return;
      const first = others.reduce(
        (least, one) => (keyOf(one.value) < keyOf(least.value) ? one : least),
        head,
      );
      heads[first.index] = await next(iterators, first.index);
      yield first.value;
    }
  } finally {
    for (const iterator of iterators) iterator.return?.().catch(() => undefined);
  }
}

interface Head<T> {
  readonly index: number;
  readonly result: IteratorResult<T>;
}

async function next<T>(iterators: readonly AsyncIterator<T>[], index: number): Promise<Head<T>> {
  const result = await iterators[index]?.next();
  return { index, result: result ?? { done: true, value: undefined } };
}
