import { findCreationRule } from '../secrets/creation-rules.ts';
import { encryptNew, encryptRest, isEncrypted, type NewFile } from '../secrets/edit-sops.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';
import { isStandardInput, readSecretFile, tellRefusals, writeSecretFile } from './secret-file.ts';
import { addIdentityOption, type IdentityOptions, readIdentities } from './secret-identity.ts';

interface Options extends IdentityOptions {
  readonly recipient?: readonly string[];
  readonly recipientsFile?: string;
  readonly inPlace?: true;
}

export const registerSecretEncrypt: Register = (program, context, run) => {
  const command = program
    .command('encrypt')
    .description('encrypt the values of a kind: Secret; in an encrypted file those that were added in plain')
    .argument('[file]', 'standard input when absent or -')
    .option('-r, --recipient <age1…>', 'who may open it; several times for several', collect)
    .option('-R, --recipients-file <file>', 'a file with recipients, one a line')
    .option('--in-place', 'write the file itself, not the standard output');
  addExamples(
    addIdentityOption(command),
    'plimsoll secret encrypt --in-place secrets/db/app.yaml',
    'plimsoll secret encrypt -r age1… -r age1… < plain.yaml > secrets/db/app.yaml',
  )
    .addHelpText(
      'after',
      '\nWithout recipients those of the nearest .sops.yaml (creation_rules), else those of the identity.',
    )
    .action(run((file: string | undefined, options: Options) => encrypt(context, file, options)));
};

/** For an option that may be given several times, or with commas. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [
    ...before,
    ...value
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  ];
}

async function encrypt(context: CliContext, file: string | undefined, options: Options): Promise<ExitCode> {
  if (options.inPlace && isStandardInput(file))
    throw new CliError(exitCodes.usage, 'encrypt: --in-place needs the name of a file');
  const name = isStandardInput(file) ? 'standard input' : file;
  const text = await readSecretFile(file);
  const isAgain = await tellRefusals(file, async () => isEncrypted(text, name));
  const encrypted = isAgain
    ? await encryptAgain(context, text, file, options)
    : await encryptFirst(context, text, file, options);
  if (!options.inPlace || isStandardInput(file)) context.out(encrypted);
  else if (encrypted !== text) await writeSecretFile(file, encrypted);
  if (encrypted === text) context.err(`${name}: it is encrypted already\n`);
  return exitCodes.done;
}

async function encryptAgain(
  context: CliContext,
  text: string,
  file: string | undefined,
  options: Options,
): Promise<string> {
  if (options.recipient !== undefined || options.recipientsFile !== undefined)
    throw new CliError(
      exitCodes.usage,
      'encrypt: the file has its recipients already',
      'change them with: plimsoll secret rotate FILE --add age1…',
    );
  const identities = await readIdentities(context, options);
  return tellRefusals(file, () => encryptRest(text, file ?? 'standard input', identities));
}

async function encryptFirst(
  context: CliContext,
  text: string,
  file: string | undefined,
  options: Options,
): Promise<string> {
  const target = await tellRefusals(undefined, () => newFile(context, file, options));
  return tellRefusals(file, () => encryptNew(text, file ?? 'standard input', target));
}

/** Whom a new file is for: as told, as `.sops.yaml` says, or for ourselves. */
export async function newFile(
  context: CliContext,
  file: string | undefined,
  options: Pick<Options, 'recipient' | 'recipientsFile' | 'identity' | 'config'>,
): Promise<NewFile> {
  const told = [...(options.recipient ?? []), ...(await readRecipients(options.recipientsFile))];
  if (told.length > 0) return { recipients: [...new Set(told)] };
  const found = await findCreationRule(isStandardInput(file) ? 'app.yaml' : file);
  if (found !== undefined) {
    if (found.ignored.length > 0)
      context.err(
        `${found.from}: only its age recipients can be used here, not those of ${found.ignored.join(', ')}\n`,
      );
    return found;
  }
  const { recipients } = await readIdentities(context, options);
  if (recipients.length === 0)
    throw new CliError(
      exitCodes.usage,
      'encrypt: nobody is named who may open it',
      'name recipients with --recipient age1…, or make an identity: plimsoll secret keygen --out FILE',
    );
  return { recipients };
}

async function readRecipients(file: string | undefined): Promise<readonly string[]> {
  if (file === undefined) return [];
  const lines = (await readSecretFile(file)).split(/\r?\n/).map((line) => line.trim());
  const recipients = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (recipients.length === 0) throw new CliError(exitCodes.invalid, `read ${file}: no recipient is in it`);
  return recipients;
}
