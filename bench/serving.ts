import { setTimeout as delay } from 'node:timers/promises';
import { type Address, askPage } from './ask-page.ts';

interface Wait {
  /** Milliseconds. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** The page did not come within the deadline. */
export class NotServedError extends Error {
  override readonly name = 'NotServedError';
}

/** Milliseconds between two requests. */
const pause = 10;

/**
 * Answers as soon as one request got this page. A new request begins whether or not the ones before are answered:
 * a proxy may hold one for a second, while it dials a container that is gone.
 */
export async function serving(address: Address, page: string, { deadline, signal }: Wait): Promise<void> {
  const end = performance.now() + deadline;
  let found = false;
  while (!found) {
    if (performance.now() > end)
      throw new NotServedError(`waited ${deadline / 1000} s, but "${page}" is not served`);
    void askPage(address).then((answer) => {
      found ||= answer === page;
    });
    await delay(pause, undefined, { signal });
  }
}
