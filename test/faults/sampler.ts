import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './stage.ts';

interface Item {
  readonly name: string;
  readonly sync: string;
  readonly health: string;
  readonly revision: string;
}

/** What the status said of one app at a time. */
export interface Sample {
  readonly at: number;
  readonly app: string;
  readonly sync: string;
  readonly health: string;
}

/**
 * Asks the controller all the time what is, and Caddy whether that is true. Told wrong is what a look says that
 * began after the opposite was seen.
 */
export class Sampler {
  readonly lies: string[] = [];
  readonly samples: Sample[] = [];
  /** Milliseconds for which the status may be behind what happened to the host without its knowing. */
  grace = 0;
  readonly #stage: Stage;
  readonly #loop: Promise<void>;
  #ended = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#loop = this.#run();
  }

  /** What was said since then, of one app. */
  since(at: number, app: string): Sample[] {
    return this.samples.filter((sample) => sample.app === app && sample.at >= at);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await delay(150);
      const at = Date.now();
      const items = await this.#items();
      for (const { name: app, sync, health } of items) this.samples.push({ at, app, sync, health });
      for (const item of items) await this.#verify(item);
    }
  }

  async #verify(item: Item): Promise<void> {
    const wrong = await this.#wrongOf(item);
    if (wrong === undefined) return;
    const seen = await this.#look();
    const deadline = Date.now() + 15_000;
    const bearable = Date.now() + this.grace;
    while (!this.#ended && Date.now() < deadline) {
      await delay(50);
      const again = (await this.#items()).find(({ name }) => name === item.name);
      // Without a controller nobody says anything.
      if (again === undefined) return;
      if (again.revision !== item.revision || !claims(again)) return;
      if ((await this.#wrongOf(again)) === undefined) return;
      // The look that was under way may have seen the world before it went wrong; the next one cannot.
      if ((await this.#look()) > seen + 1 && Date.now() > bearable) {
        this.lies.push(`${item.name} was said to be Synced and Healthy at ${item.revision}, but ${wrong}`);
        return;
      }
    }
  }

  /** How what it claims is not so. */
  async #wrongOf(item: Item): Promise<string | undefined> {
    const release = this.#stage.commits.get(item.revision)?.[item.name]?.release;
    if (release === undefined || !claims(item)) return undefined;
    const said = await this.#stage.host.marker(item.name).catch((error: Error) => error.message);
    return said === `${item.name} ${release}` ? undefined : `Caddy answers: ${said}`;
  }

  async #items(): Promise<readonly Item[]> {
    return (await this.#ask<{ items: readonly Item[] }>('/api/v1/apps'))?.items ?? [];
  }

  async #look(): Promise<number> {
    return (await this.#ask<{ look: number }>('/api/v1/status'))?.look ?? Number.POSITIVE_INFINITY;
  }

  async #ask<T>(path: string): Promise<T | undefined> {
    const answer = await this.#stage.host.ask('GET', path).catch(() => undefined);
    return answer?.status === 200 ? (answer.body as T) : undefined;
  }
}

function claims({ sync, health }: Item): boolean {
  return sync === 'Synced' && health === 'Healthy';
}
