import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError, type ProxyPort } from '../apply/ports.ts';
import { canonicalJson } from '../desired/canonical.ts';
import type { ProxyState, Route, RouteTable } from '../observed/observed.ts';
import { askAdmin, UnreachableError } from './admin-client.ts';
import { RouteError } from './check-routes.ts';
import { Configuration, caddysWords, RefusedError, readJson } from './configuration.ts';
import { embeddedTable } from './embedded-table.ts';
import { type Culprits, findCulprits } from './find-culprits.ts';
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
  /** Caddy's version, `unknown` when it does not tell (Debian's), undefined when it is unreachable. */
  version(): Promise<string | undefined>;
  /** Whether Caddy sees the flag folder: without that a switch has no effect. False before the first load. */
  seesFlags(): Promise<boolean>;
}

type Judgement = Pick<ProxyState, 'state' | 'routes' | 'message' | 'sharesFlags'>;

/** What Caddy runs; equal configurations have equal hashes, and equal answers equal stamps. */
interface Running {
  readonly body: string;
  readonly stamp: string;
  readonly hash: string;
}

interface Seen {
  readonly flags: readonly string[] | Error;
  readonly running: Running | Error;
  /** Stamp of the template. */
  readonly template: string | Error;
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
  /** The last answer, so that only another one is read. */
  #answered: Omit<Running, 'body'> | undefined;
  /** Milliseconds since the epoch at which it took a table of ours last. */
  #loadedAt: number | undefined;
  /** What Caddy said of the last table, when it refused it. */
  #refusal: string | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#configuration = new Configuration(options, options.template);
    this.#watch = new ProxyWatch(options.flagDir, options.pollInterval ?? 2_000, async () =>
      signatureOf(await this.#see()),
    );
  }

  async observe(): Promise<ProxyState> {
    const seen = await this.#see();
    this.#watch.saw(signatureOf(seen));
    const { flags } = seen;
    // Without the flags nobody knows where the traffic goes, whatever Caddy runs.
    if (flags instanceof Error)
      return { state: 'unreachable', routes: [], message: `flag folder: ${flags.message}`, flags: [] };
    const judgement = await this.#observeCaddy(seen.running);
    return { ...judgement, ...(this.#loadedAt === undefined ? {} : { loadedAt: this.#loadedAt }), flags };
  }

  async load(routes: RouteTable): Promise<void> {
    try {
      await prepareFlags(this.#options.flagDir);
      await this.#loadTable(routes);
      this.#refusal = undefined;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw asEdgeError(this.#options.admin, error);
      const culprits = await this.#culpritsOf(error, routes);
      this.#refusal = `load routes: ${this.#blame(error.message, culprits)}`;
      await this.#loadWithout(culprits, routes).catch(() => undefined);
      throw new EdgeError('transient', 'ProxyRejected', this.#refusal, error);
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

  /** Everything that `observe` may tell of, or what was in the way. */
  async #see(): Promise<Seen> {
    const parts = [readFlags(this.#options.flagDir), this.#running(), this.#configuration.stamp()] as const;
    const [flags, running, template] = await Promise.all(parts.map((part) => part.catch(asError)));
    return { flags, running, template } as Seen;
  }

  async #observeCaddy(running: Running | Error): Promise<Judgement> {
    try {
      if (running instanceof Error) throw running;
      const judgement = await this.#withFlags(await this.#judge(running));
      return this.#refusal === undefined ? judgement : { message: this.#refusal, ...judgement };
    } catch (error) {
      this.#judged = undefined;
      this.#configuration.forgetCaddy();
      return {
        state: 'unreachable',
        routes: [],
        message: `Caddy at ${this.#options.admin}: ${reasonOf(error)}`,
      };
    }
  }

  /** Asked until it is so: a Caddy that answered once keeps seeing them under this configuration. */
  async #withFlags(judgement: Judgement): Promise<Judgement> {
    if (judgement.state !== 'running' || judgement.sharesFlags) return judgement;
    const answered = { ...judgement, sharesFlags: await this.seesFlags() };
    if (this.#judged?.judgement === judgement) this.#judged = { ...this.#judged, judgement: answered };
    return answered;
  }

  async #running(): Promise<Running> {
    const ask = { method: 'GET', path: '/config/', timeout: readTimeout } as const;
    const answer = await askAdmin(this.#options.admin, ask, this.#closed.signal);
    if (answer.status !== 200) throw new UnreachableError(caddysWords(answer));
    const { body } = answer;
    const stamp = sha256(body);
    if (this.#answered?.stamp !== stamp) this.#answered = { stamp, hash: hashOf(readJson(body)) };
    return { body, ...this.#answered };
  }

  async #judge(running: Running): Promise<Judgement> {
    try {
      const stamp = await this.#configuration.stamp();
      if (this.#judged?.hash === running.hash && this.#judged.stamp === stamp) return this.#judged.judgement;
      const judgement = await this.#compare(readJson(running.body));
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

  async #loadTable(routes: RouteTable): Promise<void> {
    const { config, caddyfile } = await this.#configuration.adapt(routes, this.#closed.signal);
    const hash = hashOf(config);
    if ((await this.#running()).hash !== hash) await this.#post(config);
    this.#judged = {
      hash,
      stamp: await this.#configuration.stamp(),
      judgement: { state: 'running', routes },
    };
    await this.#writeCaddyfile(caddyfile);
  }

  /** One app's fault is not the others' loss: it keeps the routes that it has. */
  async #loadWithout(culprits: Culprits, routes: RouteTable): Promise<void> {
    if (culprits === 'template' || culprits.length === 0) return;
    const isCulprit = ({ app }: Route): boolean => culprits.includes(app);
    const kept = (await this.#observeCaddy(await this.#running())).routes.filter(isCulprit);
    const others = routes.filter((route) => !isCulprit(route));
    await this.#loadTable([...kept, ...others].sort(byPlace));
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
    this.#loadedAt = Date.now();
  }

  /** For people only: what Caddy runs is asked of Caddy. */
  async #writeCaddyfile(text: string): Promise<void> {
    if (this.#options.stateDir === undefined) return;
    const path = join(this.#options.stateDir, 'Caddyfile');
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** Our own refusal names its app; of Caddy's, what it refuses alone or has words about. */
  async #culpritsOf({ message, cause }: RefusedError, routes: RouteTable): Promise<Culprits> {
    if (cause instanceof RouteError) return [cause.app];
    const found = await findCulprits(routes, (some) => this.#accepts(some)).catch(() => []);
    if (found === 'template' || found.length > 0) return found;
    return routes.filter(({ host }) => message.includes(host)).map(({ app }) => app);
  }

  #blame(words: string, culprits: Culprits): string {
    if (culprits === 'template') return `the template ${this.#options.template}: ${words}`;
    return culprits.length === 0 || words.startsWith('app ') ? words : `app ${culprits.join(', ')}: ${words}`;
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
}

/** Differs whenever what `observe` tells may. */
function signatureOf({ flags, running, template }: Seen): string {
  const caddy = running instanceof Error ? running : running.stamp;
  return canonicalJson([flags, caddy, template].map((part) => (part instanceof Error ? part.message : part)));
}

function asEdgeError(admin: string, error: unknown): EdgeError {
  if (error instanceof UnreachableError) {
    const message = `load routes: Caddy at ${admin}: ${error.message}`;
    return new EdgeError('unreachable', 'ProxyUnreachable', message, error);
  }
  return new EdgeError('transient', 'ProxyFailed', `load routes: ${reasonOf(error)}`, error);
}

/** The order that a route table has. */
function byPlace(a: Route, b: Route): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return b.path.length - a.path.length || (a.path < b.path ? -1 : 1);
}

function edited(message: string): Judgement {
  return { state: 'edited', routes: [], message };
}

function hashOf(config: unknown): string {
  return sha256(canonicalJson(config));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
