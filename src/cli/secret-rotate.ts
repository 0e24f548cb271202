import { rotateFile } from '../secrets/edit-sops.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';
import { collect } from './secret-encrypt.ts';
import { readSecretFile, tellRefusals, writeSecretFile } from './secret-file.ts';
import { addIdentityOption, type IdentityOptions, readIdentities } from './secret-identity.ts';

interface Options extends IdentityOptions {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly dataKey?: boolean;
}

export const registerSecretRotate: Register = (program, context, run) => {
  const command = program
    .command('rotate')
    .description('change who may open secrets; no app restarts, unless with --data-key')
    .argument('<file...>')
    .option('--add <age1…>', 'a recipient more; several times for several', collect)
    .option('--remove <age1…>', 'a recipient less; several times for several', collect)
    .option('--data-key', 'a new data key: new ciphertexts, so that apps that use them restart');
  addExamples(
    addIdentityOption(command),
    'plimsoll secret rotate secrets/*/app.yaml --add age1…',
    'plimsoll secret rotate secrets/*/app.yaml --remove age1… --data-key',
  )
    .addHelpText(
      'after',
      '\nWho was removed may have kept what it could read: change the values themselves as well.',
    )
    .action(run((files: readonly string[], options: Options) => rotate(context, files, options)));
};

/** All are made anew before the first is written: one that is refused leaves all as they were. */
async function rotate(
  context: CliContext,
  files: readonly string[],
  { add = [], remove = [], dataKey = false, ...options }: Options,
): Promise<ExitCode> {
  if (add.length === 0 && remove.length === 0 && !dataKey)
    throw new CliError(
      exitCodes.usage,
      'rotate: nothing to do',
      'say --add age1…, --remove age1… or --data-key',
    );
  const identities = await readIdentities(context, options);
  const rotated = [];
  for (const file of files) {
    const text = await readSecretFile(file === '-' ? './-' : file);
    const fresh = await tellRefusals(file, () =>
      rotateFile(text, file, identities, { add, remove, dataKey }),
    );
    rotated.push({ file, fresh, isChanged: fresh !== text });
  }
  for (const { file, fresh, isChanged } of rotated) {
    if (isChanged) await writeSecretFile(file, fresh);
    context.out(`${file}: ${isChanged ? 'rotated' : 'unchanged'}\n`);
  }
  if (remove.length > 0 && !dataKey)
    context.err(
      'who was removed still knows the data key: rotate with --data-key too, and change the values\n',
    );
  return exitCodes.done;
}
