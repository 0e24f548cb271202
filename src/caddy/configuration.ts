import { readFile, stat } from 'node:fs/promises';
import type { RouteTable } from '../observed/observed.ts';
import { type AdminAnswer, askAdmin, UnreachableError } from './admin-client.ts';
import { type CaddySettings, renderCaddyfile } from './render-caddyfile.ts';

/** A Caddyfile and the JSON that Caddy makes of it. */
export interface Adapted {
  readonly caddyfile: string;
  readonly config: unknown;
}

/** The routes or the template cannot become a configuration; the message is for people, with Caddy's own words. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

const adaptTimeout = 10_000;

/** Makes configurations from the template, which the user may edit at any time, by asking the running Caddy. */
export class Configuration {
  readonly #settings: Omit<CaddySettings, 'streamCloseDelay'>;
  readonly #templatePath: string;
  #template = { stamp: '', text: '' };
  #streamCloseDelay: boolean | undefined;

  constructor(settings: Omit<CaddySettings, 'streamCloseDelay'>, templatePath: string) {
    this.#settings = settings;
    this.#templatePath = templatePath;
  }

  /** Changes whenever the template changes. */
  async stamp(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#templatePath);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      throw new RefusedError(`template ${this.#templatePath}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** What the running Caddy makes of the routes. Throws `RefusedError` or `UnreachableError`. */
  async adapt(routes: RouteTable, signal: AbortSignal): Promise<Adapted> {
    const template = await this.#readTemplate();
    this.#streamCloseDelay ??= await this.#knowsStreamCloseDelay(signal);
    const settings = { ...this.#settings, streamCloseDelay: this.#streamCloseDelay };
    const caddyfile = render(template, settings, routes);
    const answer = await this.#ask(caddyfile, signal);
    if (answer.status !== 200) throw new RefusedError(caddysWords(answer));
    return { caddyfile, config: readJson(answer.body, 'result') };
  }

  /** Another Caddy may run next, an older or a newer one. */
  forgetCaddy(): void {
    this.#streamCloseDelay = undefined;
  }

  async #readTemplate(): Promise<string> {
    const stamp = await this.stamp();
    if (stamp !== this.#template.stamp)
      this.#template = { stamp, text: await readFile(this.#templatePath, 'utf8') };
    return this.#template.text;
  }

  /** Since 2.7; without it a reload ends every websocket (https://caddyserver.com/docs/caddyfile/directives/reverse_proxy). */
  async #knowsStreamCloseDelay(signal: AbortSignal): Promise<boolean> {
    const tiny = 'http://a.invalid {\n\treverse_proxy 127.0.0.1:1 {\n\t\tstream_close_delay 1h\n\t}\n}\n';
    return (await this.#ask(tiny, signal)).status === 200;
  }

  #ask(body: string, signal: AbortSignal): Promise<AdminAnswer> {
    const ask = {
      method: 'POST',
      path: '/adapt',
      type: 'text/caddyfile',
      body,
      timeout: adaptTimeout,
    } as const;
    return askAdmin(this.#settings.admin, ask, signal);
  }
}

function render(template: string, settings: CaddySettings, routes: RouteTable): string {
  try {
    return renderCaddyfile(template, settings, routes);
  } catch (error) {
    throw new RefusedError(reasonOf(error), { cause: error });
  }
}

/** The error that Caddy answered, escaped and shortened. */
export function caddysWords({ status, body }: AdminAnswer): string {
  const error = /^\s*\{/.test(body) ? readJson(body, 'error') : body;
  const words = typeof error === 'string' && error.trim() !== '' ? error : `status ${status}`;
  return words
    .replace(/^(?:adapting config using caddyfile adapter: |loading config: |loading new config: )+/, '')
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .slice(0, 300);
}

/** A part of Caddy's answer; what is no JSON does not come from a Caddy. */
export function readJson(body: string, key?: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    if (key === undefined) return value;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  } catch (error) {
    throw new UnreachableError('the answer is not JSON', { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
