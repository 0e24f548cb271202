import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import type { EdgeError } from '../apply/ports.ts';
import { encryptEdited, encryptNew, isEncrypted } from '../secrets/edit-sops.ts';
import { openSops } from '../secrets/open-sops.ts';
import { refusalOf } from '../secrets/refusal.ts';
import { plainDocument } from '../secrets/seal-sops.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';
import { withPlainFolder } from './plain-folder.ts';
import { editorWords, runEditor } from './run-editor.ts';
import { newFile } from './secret-encrypt.ts';
import { createSecretFile, readSecretFile, tellRefusals, writeSecretFile } from './secret-file.ts';
import { addIdentityOption, type IdentityOptions, readIdentities } from './secret-identity.ts';

export const registerSecretEdit: Register = (program, context, run) => {
  const command = program
    .command('edit')
    .description('edit a secret in plain with $VISUAL or $EDITOR; a file that is not there is begun')
    .argument('<file>');
  addExamples(
    addIdentityOption(command),
    'plimsoll secret edit secrets/db/app.yaml',
    'EDITOR="code --wait" plimsoll secret edit secrets/db/app.yaml',
  )
    .addHelpText(
      'after',
      '\nValues that stay the same keep their ciphertexts, so only what changed restarts apps.',
    )
    .action(run((file: string, options: IdentityOptions) => edit(context, file, options)));
};

/** What is edited, and how it is encrypted again. */
interface Subject {
  readonly plain: string;
  readonly encrypt: (edited: string) => Promise<string>;
  readonly write: (text: string) => Promise<void>;
}

async function edit(context: CliContext, file: string, options: IdentityOptions): Promise<ExitCode> {
  const words = editorWords(context.env);
  const subject = (await isThere(file))
    ? await existing(context, file, options)
    : await fresh(context, file, options);
  return withPlainFolder(context.env, async (folder) => {
    const path = join(folder, basename(file));
    await writeFile(path, subject.plain, { mode: 0o600, flag: 'wx' });
    for (;;) {
      await runEditor(words, path, context.env);
      const edited = await readFile(path, 'utf8');
      if (edited === subject.plain) {
        context.err(`${file}: unchanged\n`);
        return exitCodes.done;
      }
      try {
        await subject.write(await subject.encrypt(edited));
        context.err(`${file}: encrypted\n`);
        return exitCodes.done;
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal === undefined) throw error;
        await offerAnother(context, file, refusal);
      }
    }
  });
}

async function isThere(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

async function existing(context: CliContext, file: string, options: IdentityOptions): Promise<Subject> {
  const text = await readSecretFile(file);
  if (!(await tellRefusals(file, async () => isEncrypted(text, file))))
    throw new CliError(
      exitCodes.invalid,
      `${file}: it is not encrypted`,
      `plimsoll secret encrypt --in-place ${file}`,
    );
  const identities = await readIdentities(context, options);
  const opened = await tellRefusals(file, () => openSops(text, file, identities));
  return {
    plain: plainDocument(opened),
    encrypt: async (edited) => encryptEdited(edited, file, opened),
    async write(encrypted) {
      if ((await readSecretFile(file)) !== text)
        throw new CliError(exitCodes.refused, `${file}: it was changed meanwhile; nothing was written`);
      await writeSecretFile(file, encrypted);
    },
  };
}

async function fresh(context: CliContext, file: string, options: IdentityOptions): Promise<Subject> {
  // Nobody is to type a secret that cannot be encrypted then.
  const target = await tellRefusals(undefined, () => newFile(context, file, options));
  const folder = basename(dirname(resolve(file)));
  const name = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(folder) ? folder : 'my-secret';
  return {
    plain: `apiVersion: plimsoll/v1\nkind: Secret\nmetadata:\n  name: ${name}\ndata:\n  EXAMPLE: value\n`,
    encrypt: (edited) => encryptNew(edited, file, target),
    write: (encrypted) => createSecretFile(file, encrypted),
  };
}

/** Only a person can mend it; a script is told, and nothing is written. */
async function offerAnother(context: CliContext, file: string, error: EdgeError): Promise<void> {
  const message = `${file}: ${error.message}`;
  if (!context.isTty || !process.stdin.isTTY)
    throw new CliError(exitCodes.invalid, `${message}; nothing was written`);
  context.err(`error: ${message}\n`);
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      terminal.once('close', () => resolve('q'));
      terminal
        .question('Enter to edit again, q to leave the file as it was: ')
        .then(resolve, () => resolve('q'));
    });
    if (answer.trim().toLowerCase() === 'q')
      throw new CliError(exitCodes.invalid, `${file}: nothing was written`);
  } finally {
    terminal.close();
  }
}
