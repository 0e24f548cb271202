import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type Identities,
  identityHint,
  noIdentities,
  parseIdentities,
  readIdentityFile,
} from '../secrets/identities.ts';
import { refusalOf } from '../secrets/refusal.ts';
import { type CliContext, CliError, exitCodes } from './context.ts';
import { addConfigOption } from './global-options.ts';

export interface IdentityOptions {
  readonly identity?: string;
  readonly config?: string;
}

export function addIdentityOption(command: Command): Command {
  return addConfigOption(
    command.option(
      '-i, --identity <file>',
      'the age identity; when absent, secrets.identity of the configuration, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY and sops/age/keys.txt in the folder of user configurations',
    ),
  );
}

/** The one that is named, or all that are found: any of them may open a file. */
export async function readIdentities(
  context: CliContext,
  { identity, config }: IdentityOptions,
): Promise<Identities> {
  if (identity !== undefined) return readFile(identity);
  const { env } = context;
  const { identity: configured } = context.config(config === undefined ? {} : { config });
  const home = env.XDG_CONFIG_HOME || (env.HOME && join(env.HOME, '.config'));
  const own = home ? join(home, 'sops', 'age', 'keys.txt') : undefined;
  const found = [
    await readOptional(configured),
    env.SOPS_AGE_KEY_FILE ? await readFile(env.SOPS_AGE_KEY_FILE) : noIdentities,
    env.SOPS_AGE_KEY
      ? await tell('SOPS_AGE_KEY', () => parseIdentities(env.SOPS_AGE_KEY ?? '', 'SOPS_AGE_KEY'))
      : noIdentities,
    await readOptional(own),
  ];
  return {
    keys: found.flatMap(({ keys }) => keys),
    recipients: found.flatMap(({ recipients }) => recipients),
  };
}

/** A place where there need not be one: the configuration may be the server's, read elsewhere. */
async function readOptional(path: string | undefined): Promise<Identities> {
  if (path === undefined) return noIdentities;
  try {
    return await readIdentityFile(path);
  } catch (error) {
    if (refusalOf(error)?.reason === 'IdentityMissing') return noIdentities;
    return tell(path, () => Promise.reject(error));
  }
}

function readFile(path: string): Promise<Identities> {
  return tell(path, () => readIdentityFile(path));
}

async function tell(path: string, work: () => Promise<Identities>): Promise<Identities> {
  try {
    return await work();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    const code = exitOf[refusal.reason] ?? exitCodes.invalid;
    throw new CliError(code, refusal.message, identityHint(refusal, path));
  }
}

const exitOf: Readonly<Record<string, CliError['exitCode']>> = {
  IdentityUnsafe: exitCodes.refused,
  IdentityMissing: exitCodes.unobservable,
};
