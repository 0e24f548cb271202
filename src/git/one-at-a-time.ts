/**
 * Runs `work` once at a time. Who calls while it runs gets the run after, shared with all who wait: what
 * they are told was read after they asked.
 */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let waiting: Promise<T> | undefined;
  return function run(): Promise<T> {
    if (running === undefined) return begin();
    waiting ??= running.then(afterwards, afterwards);
    return waiting;
  };

  function begin(): Promise<T> {
    const run = work();
    running = run;
    const done = () => {
      if (running === run) running = undefined;
    };
    run.then(done, done);
    return run;
  }

  function afterwards(): Promise<T> {
    waiting = undefined;
    return begin();
  }
}
