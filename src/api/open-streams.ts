import { ProblemError } from './problem.ts';

const most = 100;

/** Counts the streams that are open, so that clients that never leave cannot take the controller along. */
export class OpenStreams {
  #open = 0;

  /** Takes a place; call the answer once, when the stream ends. */
  enter(): () => void {
    if (this.#open >= most)
      throw new ProblemError(503, 'TooManyStreams', `${most} streams are open already`, 'close some');
    this.#open += 1;
    return () => {
      this.#open -= 1;
    };
  }
}
