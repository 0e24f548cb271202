import { EdgeError } from '../apply/ports.ts';
import { createEnvProvider } from './env-provider.ts';
import { createFileProvider } from './file-provider.ts';
import { createHttpProvider } from './http-provider.ts';

/** Another manager of values than the repository itself. A new one is this function and a row in the table. */
export interface ValueProvider {
  /**
   * The value that this manager knows by the reference. Throws EdgeError, with one sentence and never a value:
   * `Missing`, `Unreachable`, `NotAllowed`, `Corrupt`.
   */
  read(reference: string): Promise<string>;
}

/** `secrets.providers` of the configuration, credentials already plain. */
export interface ProviderSettings {
  readonly file?: { readonly root: string };
  readonly env?: { readonly prefix: string };
  readonly http?: { readonly url: string; readonly token?: string };
}

export type ProviderName = keyof ProviderSettings;

type Env = Readonly<Record<string, string | undefined>>;

/** Undefined for one that is not configured. */
const table = {
  file: ({ file }) => file && createFileProvider(file.root),
  env: ({ env }, variables) => env && createEnvProvider(env.prefix, variables),
  http: ({ http }) => http && createHttpProvider(http),
} satisfies Record<ProviderName, (settings: ProviderSettings, variables: Env) => ValueProvider | undefined>;

/** Each by its name; one that is not configured says so for every reference. */
export function createProviders(
  settings: ProviderSettings,
  variables: Env,
): Readonly<Record<ProviderName, ValueProvider>> {
  return {
    file: table.file(settings) ?? turnedOff('file'),
    env: table.env(settings, variables) ?? turnedOff('env'),
    http: table.http(settings) ?? turnedOff('http'),
  };
}

function turnedOff(name: ProviderName): ValueProvider {
  return {
    async read() {
      throw new EdgeError(
        'terminal',
        'NotAllowed',
        `provider ${name} is off: configure secrets.providers.${name}`,
      );
    },
  };
}
