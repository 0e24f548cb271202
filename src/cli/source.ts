import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { escapeText } from '../desired/shown-text.ts';
import { isKeyComment, makeDeployKey } from '../git/deploy-key.ts';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples, addOutputOption, type OutputOptions } from './global-options.ts';
import { printValue } from './print-value.ts';
import { writePrivateFile } from './write-private-file.ts';

type KeygenOptions = OutputOptions & {
  readonly out: string;
  readonly comment?: string;
  readonly force?: true;
};

export const registerSource: Register = (program, context, run) => {
  const source = program.command('source').description('where the manifests come from');
  addExamples(source, 'plimsoll source keygen --out /etc/plimsoll/deploy-key');
  const keygen = source
    .command('keygen')
    .description('a deploy key for SSH: writes the private half, prints the public one')
    .option(
      '--out <file>',
      'where the private half goes, readable by its owner alone',
      '/etc/plimsoll/deploy-key',
    )
    .option('--comment <text>', 'what the git server shows beside it; plimsoll@HOST when absent')
    .option('--force', 'replace a file that is there');
  addExamples(
    addOutputOption(keygen),
    'plimsoll source keygen',
    'plimsoll source keygen --out ./deploy-key --comment "web host" > deploy-key.pub',
  ).action(run((options: KeygenOptions) => makeKey(context, options)));
};

async function makeKey(context: CliContext, options: KeygenOptions): Promise<ExitCode> {
  const { output, out, comment = `plimsoll@${hostname()}`, force } = options;
  if (!isKeyComment(comment))
    throw new CliError(exitCodes.usage, '--comment: one line of printable text, at most 100 characters');
  const file = resolve(out);
  const { privateKey, publicKey, fingerprint } = makeDeployKey(comment);
  await writePrivateFile(file, privateKey, force === true);
  printValue(context, output, { file, publicKey, fingerprint }, () => `${publicKey}\n`);
  context.err(whatNext(file, fingerprint));
  return exitCodes.done;
}

function whatNext(file: string, fingerprint: string): string {
  const auth = {
    source: {
      url: 'ssh://git@HOST/OWNER/REPO.git',
      auth: { sshKey: file, knownHosts: ['HOST ssh-ed25519 AAAA…'] },
    },
  };
  const yaml = stringify(auth, { lineWidth: 0 });
  return `${escapeText(file)} holds the private half of ${fingerprint}: it stays on this host and out of git.
next: add the public half to the repository as a deploy key, to read only, and to plimsoll.yaml
${yaml.replaceAll(/^(?=.)/gm, '  ')}"ssh-keyscan -t ed25519 HOST" gives the line for knownHosts: compare it with what the git server publishes.
`;
}
