import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControllerPort } from '../../src/api/controller-port.ts';
import { createApi } from '../../src/api/create-api.ts';
import { type Serving, serveSocket } from '../../src/api/serve.ts';
import { type CliContext, CliError, exitCodes } from '../../src/cli/context.ts';
import type { Host } from '../../src/cli/host.ts';
import { type ExplainError, messageOf, runProgram } from '../../src/cli/program.ts';
import { aWorld } from '../plan/worlds.ts';

/** What one command line wrote and how it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const silent = () => undefined;
const noLog = { info: silent, warn: silent, error: silent, debug: silent };

/** A terminal on a host with a state directory of its own; a controller may serve there. */
export class ATerminal {
  readonly stateDir: string;
  readonly #serving: Serving | undefined;
  host: Host | undefined;

  constructor(stateDir: string, serving: Serving | undefined) {
    this.stateDir = stateDir;
    this.#serving = serving;
  }

  async run(...words: readonly string[]): Promise<Ended> {
    const written = { out: '', err: '' };
    const context = this.#context(written);
    const code = await runProgram(['node', 'plimsoll', ...words], context, explain);
    return { code, ...written };
  }

  async end(): Promise<void> {
    await this.#serving?.close();
    await rm(this.stateDir, { recursive: true });
  }

  #context(written: { out: string; err: string }): CliContext {
    const { stateDir } = this;
    return {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      color: false,
      isTty: false,
      env: { USER: 'ann' },
      version: '1.2.3',
      schema: { title: 'App' },
      log: noLog,
      config: () => ({
        file: '/etc/plimsoll/plimsoll.yaml',
        stateDir,
        instance: 'default',
        policy: {
          allowPrivileged: false,
          allowCapabilities: [],
          apps: {},
          allowHostPaths: [],
          allowedRegistries: [],
          instance: 'default',
        },
        settings: aWorld([]).settings,
        shown: { caddy: { admin: 'unix//run/caddy/admin.sock' }, source: { auth: { token: '***' } } },
      }),
      renderManifest: () => Promise.reject(new Error('nothing is rendered here')),
      readManifests: async () => aWorld([]).desired,
      openHost: async () => {
        if (this.host) return this.host;
        throw new CliError(exitCodes.unobservable, 'list containers: connection refused', 'start the engine');
      },
      runController: async () => exitCodes.done,
    };
  }
}

/** Ends what it made, whatever happens. */
export async function atTerminal(
  controller: ControllerPort | undefined,
  work: (terminal: ATerminal) => Promise<void>,
): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'plimsoll-cli-'));
  const serving = controller && (await serveSocket(createApi(controller), join(stateDir, 'plimsoll.sock')));
  const terminal = new ATerminal(stateDir, serving);
  try {
    await work(terminal);
  } finally {
    await terminal.end();
  }
}

function explain(error: unknown): ReturnType<ExplainError> {
  if (!(error instanceof CliError)) throw error;
  return { code: error.exitCode, text: messageOf(error) };
}
