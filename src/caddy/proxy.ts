import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError, type ProxyPort } from '../apply/ports.ts';
import { canonicalJson } from '../desired/canonical.ts';
import type { ProxyState, RouteTable } from '../observed/observed.ts';
import { askAdmin, UnreachableError } from './admin-client.ts';
import { type Adapted, Configuration, caddysWords, RefusedError, readJson } from './configuration.ts';
import { embeddedTable } from './embedded-table.ts';
import { findCulprit } from './find-culprit.ts';
import { prepareFlags, readFlags, writeFlag } from './flags.ts';
import { jsonDifferences } from './json-differences.ts';
import { ProxyWatch } from './proxy-watch.ts';
import type { AcmeSettings } from './render-caddyfile.ts';
import { caddyVersion, seesFlags } from './running-caddy.ts';

export interface ProxyOptions {
  /** `http://127.0.0.1:2019` or `unix//path`. */
  readonly admin: string;
  /** Path of the user's Caddyfile template; read again whenever it changes. */
  readonly template: string;
  /** Absolute path of the folder with the flag files, the same for us and for Caddy. */
  readonly flagDir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly acme?: AcmeSettings;
  /** Where the loaded Caddyfile is left for people to read; nowhere when absent. */
  readonly stateDir?: string;
  /** Milliseconds between two looks at Caddy for listeners; 2 s when absent. */
  readonly pollInterval?: number;
}

/** The proxy port, and what `doctor` asks besides. */
export interface CaddyProxy extends ProxyPort {
  /** Caddy's version, `2.7 or newer` when it does not tell, undefined when it is unreachable. */
  version(): Promise<string | undefined>;
  /** Whether Caddy sees the flag folder: without that a switch has no effect. False before the first load. */
  seesFlags(): Promise<boolean>;
}

type Judgement = Pick<ProxyState, 'state' | 'routes' | 'message'>;

/** What Caddy runs; equal configurations have equal hashes. */
interface Running {
  readonly config: unknown;
  readonly hash: string;
}

const readTimeout = 2_000;
const loadTimeout = 60_000;

export function createProxy(options: ProxyOptions): CaddyProxy {
  return new Caddy(options);
}

class Caddy implements CaddyProxy {
  readonly #options: ProxyOptions;
  readonly #configuration: Configuration;
  readonly #watch: ProxyWatch;
  readonly #closed = new AbortController();
  /** The last verdict, which holds as long as neither configuration nor template changes. */
  #judged: { readonly hash: string; readonly stamp: string; readonly judgement: Judgement } | undefined;
  /** What Caddy said of the last table, when it refused it. */
  #refusal: string | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#configuration = new Configuration(options, options.template);
    this.#watch = new ProxyWatch(options.flagDir, options.pollInterval ?? 2_000, () => this.#signature());
  }

  async observe(): Promise<ProxyState> {
    try {
      const flags = await readFlags(this.#options.flagDir);
      return { ...(await this.#observeCaddy()), flags };
    } catch (error) {
      // Without the flags nobody knows where the traffic goes, whatever Caddy runs.
      return { state: 'unreachable', routes: [], message: `flag folder: ${reasonOf(error)}`, flags: [] };
    }
  }

  async load(routes: RouteTable): Promise<void> {
    try {
      await prepareFlags(this.#options.flagDir);
      const adapted = await this.#configuration.adapt(routes, this.#closed.signal);
      await this.#loadIfDifferent(adapted, routes);
      this.#refusal = undefined;
      await this.#writeCaddyfile(adapted.caddyfile);
    } catch (error) {
      throw await this.#asEdgeError(error, routes);
    }
  }

  async switch(app: string, replica: number, flagged: boolean): Promise<void> {
    await writeFlag(this.#options.flagDir, `${app}.${replica}`, flagged);
  }

  onChange(listener: (what: string) => void): () => void {
    return this.#watch.add(listener);
  }

  async close(): Promise<void> {
    this.#watch.close();
    this.#closed.abort();
  }

  version(): Promise<string | undefined> {
    return caddyVersion(this.#options.admin, this.#closed.signal);
  }

  seesFlags(): Promise<boolean> {
    return seesFlags(this.#options.admin, this.#options.httpPort, this.#closed.signal);
  }

  async #observeCaddy(): Promise<Judgement> {
    try {
      const judgement = await this.#judge(await this.#running());
      return this.#refusal === undefined ? judgement : { message: this.#refusal, ...judgement };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      this.#judged = undefined;
      this.#configuration.forgetCaddy();
      return {
        state: 'unreachable',
        routes: [],
        message: `Caddy at ${this.#options.admin}: ${error.message}`,
      };
    }
  }

  async #running(): Promise<Running> {
    const ask = { method: 'GET', path: '/config/', timeout: readTimeout } as const;
    const answer = await askAdmin(this.#options.admin, ask, this.#closed.signal);
    if (answer.status !== 200) throw new UnreachableError(caddysWords(answer));
    const config = readJson(answer.body);
    return { config, hash: hashOf(config) };
  }

  async #judge(running: Running): Promise<Judgement> {
    try {
      const stamp = await this.#configuration.stamp();
      if (this.#judged?.hash === running.hash && this.#judged.stamp === stamp) return this.#judged.judgement;
      const judgement = await this.#compare(running.config);
      this.#judged = { hash: running.hash, stamp, judgement };
      return judgement;
    } catch (error) {
      if (error instanceof RefusedError) return edited(`it cannot be compared: ${error.message}`);
      throw error;
    }
  }

  /** What runs is ours when the table in it, rendered and adapted again, gives exactly what runs. */
  async #compare(config: unknown): Promise<Judgement> {
    const routes = embeddedTable(config);
    if (routes === undefined) return edited('Caddy runs nothing of ours');
    const expected = await this.#configuration.adapt(routes, this.#closed.signal);
    const different = jsonDifferences(expected.config, config, 2);
    if (different.length === 0) return { state: 'running', routes };
    return edited(
      `Caddy's configuration differs from what the template and its routes give: ${different.join(', ')}`,
    );
  }

  async #loadIfDifferent({ config }: Adapted, routes: RouteTable): Promise<void> {
    const hash = hashOf(config);
    if ((await this.#running()).hash !== hash) await this.#post(config);
    this.#judged = {
      hash,
      stamp: await this.#configuration.stamp(),
      judgement: { state: 'running', routes },
    };
  }

  async #post(config: unknown): Promise<void> {
    const body = JSON.stringify(config);
    const ask = {
      method: 'POST',
      path: '/load',
      type: 'application/json',
      body,
      timeout: loadTimeout,
    } as const;
    const answer = await askAdmin(this.#options.admin, ask, this.#closed.signal);
    if (answer.status !== 200) throw new RefusedError(caddysWords(answer));
  }

  /** For people only: what Caddy runs is asked of Caddy. */
  async #writeCaddyfile(text: string): Promise<void> {
    if (this.#options.stateDir === undefined) return;
    const path = join(this.#options.stateDir, 'Caddyfile');
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async #asEdgeError(error: unknown, routes: RouteTable): Promise<EdgeError> {
    if (error instanceof UnreachableError) {
      const message = `load routes: Caddy at ${this.#options.admin}: ${error.message}`;
      return new EdgeError('unreachable', 'ProxyUnreachable', message, error);
    }
    if (!(error instanceof RefusedError))
      return new EdgeError('transient', 'ProxyFailed', `load routes: ${reasonOf(error)}`, error);
    this.#refusal = `load routes: ${await this.#blame(error.message, routes)}`;
    return new EdgeError('transient', 'ProxyRejected', this.#refusal, error);
  }

  /** Caddy's words, with the app that they are about. */
  async #blame(words: string, routes: RouteTable): Promise<string> {
    const culprit = await findCulprit(routes, (some) => this.#accepts(some)).catch(() => undefined);
    if (culprit?.kind === 'template') return `the template ${this.#options.template}: ${words}`;
    const app = culprit?.app ?? routes.find(({ host }) => words.includes(host))?.app;
    return app === undefined || words.startsWith('app ') ? words : `app ${app}: ${words}`;
  }

  async #accepts(routes: RouteTable): Promise<boolean> {
    try {
      await this.#configuration.adapt(routes, this.#closed.signal);
      return true;
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw error;
    }
  }

  /** Differs whenever `observe` may. */
  async #signature(): Promise<string> {
    const flags = await readFlags(this.#options.flagDir).catch(reasonOf);
    const caddy = await this.#running().then(({ hash }) => hash, reasonOf);
    const template = await this.#configuration.stamp().catch(reasonOf);
    return canonicalJson([flags, caddy, template]);
  }
}

function edited(message: string): Judgement {
  return { state: 'edited', routes: [], message };
}

function hashOf(config: unknown): string {
  return createHash('sha256').update(canonicalJson(config)).digest('hex');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
