import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from './ask.ts';

/** A few clients that ask all the time, and remember every answer that is not what it should be. */
export class Clients {
  readonly wrong: string[] = [];
  /** Different right answers, in the order in which they first came. */
  readonly seen: string[] = [];
  count = 0;
  readonly #target: { readonly port: number; readonly host: string; readonly expected: RegExp };
  readonly #loops: Promise<void>[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });
  #ended = false;

  constructor(port: number, host: string, expected: RegExp) {
    this.#target = { port, host, expected };
    // One on kept connections, one on fresh ones.
    this.#loops = [this.#loop(this.#agent), this.#loop(false)];
  }

  /**
   * What is wrong beyond what so many loads of Caddy may cost: each a connection of each of an app's clients that is just
   * being made (`doctor` says what prevents it), or a request just sent on a kept one, which Caddy closes as idle.
   */
  wrongBeyond(loads: number): readonly string[] {
    const resets = this.wrong.filter((said) => /ECONNRESET|socket hang up/.test(said));
    return resets.length <= loads ? this.wrong.filter((said) => !resets.includes(said)) : this.wrong;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #loop(agent: Agent | false): Promise<void> {
    const { port, host, expected } = this.#target;
    while (!this.#ended) {
      const said = await ask(port, host, agent).catch((error: Error) => `failed: ${error.message}`);
      this.count += 1;
      if (!expected.test(said)) this.wrong.push(`${new Date().toISOString()} ${said}`);
      else if (!this.seen.includes(said)) this.seen.push(said);
      await delay(40);
    }
  }
}
