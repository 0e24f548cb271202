import { generateIdentity } from '../secrets/generate-identity.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';
import { registerSecretDecrypt } from './secret-decrypt.ts';
import { registerSecretEdit } from './secret-edit.ts';
import { registerSecretEncrypt } from './secret-encrypt.ts';
import { registerSecretRotate } from './secret-rotate.ts';
import { writePrivateFile } from './write-private-file.ts';

export const registerSecret: Register = (program, context, run) => {
  const secret = program
    .command('secret')
    .description('secrets of the config repo: SOPS files, encrypted by age');
  addExamples(
    secret,
    'plimsoll secret keygen --out /etc/plimsoll/age.key',
    'plimsoll secret encrypt --in-place secrets/db/app.yaml',
    'plimsoll secret edit secrets/db/app.yaml',
  );
  addExamples(
    secret
      .command('keygen')
      .description('make an identity, and print its recipient')
      .option('--out <file>', 'where to write it, mode 0600; an existing file is kept and an error'),
    'plimsoll secret keygen --out /etc/plimsoll/age.key',
    '(umask 077; plimsoll secret keygen > age.key)',
  ).action(run((options: { readonly out?: string }) => keygen(context, options)));
  for (const register of [
    registerSecretEncrypt,
    registerSecretDecrypt,
    registerSecretEdit,
    registerSecretRotate,
  ])
    register(secret, context, run);
};

async function keygen(context: CliContext, { out }: { readonly out?: string }): Promise<ExitCode> {
  const { recipient, text } = await generateIdentity(new Date());
  if (out === undefined) {
    context.out(text);
    context.err(`recipient: ${recipient}\n`);
    return exitCodes.done;
  }
  await writePrivateFile(out, text, false).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.exitCode !== exitCodes.refused) throw error;
    const hint =
      'an identity is never overwritten, because all that it opens would be lost; name another file';
    throw new CliError(exitCodes.refused, error.message, hint);
  });
  context.out(`${recipient}\n`);
  return exitCodes.done;
}
