import { Option } from 'commander';
import { didYouMean } from '../desired/did-you-mean.ts';
import { showValue } from '../desired/shown-text.ts';
import { openSops } from '../secrets/open-sops.ts';
import { plainDocument, plainValues } from '../secrets/seal-sops.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';
import { readSecretFile, tellRefusals } from './secret-file.ts';
import { addIdentityOption, type IdentityOptions, readIdentities } from './secret-identity.ts';

interface Options extends IdentityOptions {
  readonly key?: string;
  readonly output: 'yaml' | 'json';
}

export const registerSecretDecrypt: Register = (program, context, run) => {
  const command = program
    .command('decrypt')
    .description('print a secret in plain; one that was tampered with is refused')
    .argument('[file]', 'standard input when absent or -')
    .option('-k, --key <name>', 'one value alone, as it is')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['yaml', 'json']).default('yaml'));
  addExamples(
    addIdentityOption(command),
    'plimsoll secret decrypt secrets/db/app.yaml',
    'plimsoll secret decrypt secrets/db/app.yaml --key PASSWORD | psql …',
    'plimsoll secret decrypt -o json secrets/db/app.yaml | jq -r .data.PASSWORD',
  ).action(run((file: string | undefined, options: Options) => decrypt(context, file, options)));
};

async function decrypt(
  context: CliContext,
  file: string | undefined,
  { key, output, ...options }: Options,
): Promise<ExitCode> {
  const text = await readSecretFile(file);
  const identities = await readIdentities(context, options);
  const opened = await tellRefusals(file, () => openSops(text, file ?? 'standard input', identities));
  const { sops: _sops, ...rest } = opened.document.value;
  const data = plainValues(opened);
  if (key !== undefined) {
    const value = Object.hasOwn(data, key) ? data[key] : undefined;
    if (value === undefined) throw noKey(key, Object.keys(data));
    context.out(output === 'json' ? `${JSON.stringify(value)}\n` : context.isTty ? `${value}\n` : value);
  } else
    context.out(
      output === 'json' ? `${JSON.stringify({ ...rest, data }, null, 2)}\n` : plainDocument(opened),
    );
  return exitCodes.done;
}

function noKey(key: string, keys: readonly string[]): CliError {
  const meant = didYouMean(key, keys);
  const hint = meant === undefined ? `its keys are ${keys.join(', ')}` : `did you mean ${showValue(meant)}?`;
  return new CliError(exitCodes.invalid, `decrypt: the secret has no key ${showValue(key)}`, hint);
}
