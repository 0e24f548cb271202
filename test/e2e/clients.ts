import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

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

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #loop(agent: Agent | false): Promise<void> {
    while (!this.#ended) {
      const said = await this.#ask(agent).catch((error: Error) => `failed: ${error.message}`);
      this.count += 1;
      if (!this.#target.expected.test(said)) this.wrong.push(`${new Date().toISOString()} ${said}`);
      else if (!this.seen.includes(said)) this.seen.push(said);
      await delay(15);
    }
  }

  #ask(agent: Agent | false): Promise<string> {
    const { port, host } = this.#target;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    request({ host: '127.0.0.1', port, agent, headers: { Host: host }, timeout: 10_000 })
      .on('error', reject)
      .on('timeout', () => reject(new Error('no answer in 10 s')))
      .on('response', (answer) => {
        text(answer).then(
          (body) => resolve(answer.statusCode === 200 ? body.trim() : `${answer.statusCode} ${body}`),
          reject,
        );
      })
      .end();
    return promise;
  }
}
