import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CliContext, CliError, type ExitCode, exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';

export const registerInit: Register = (program, context, run) => {
  const command = program
    .command('init')
    .description('a config repo to start from, in a new or empty folder')
    .argument('<dir>');
  addExamples(command, 'plimsoll init my-host').action(run((dir: string) => init(context, dir)));
};

async function init(context: CliContext, dir: string): Promise<ExitCode> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new CliError(exitCodes.invalid, `init ${dir}: ${error.message}`);
  });
  if (entries.some((name) => name !== '.git'))
    throw new CliError(exitCodes.refused, `init ${dir}: the folder is not empty`, 'name a new one');
  for (const [path, content] of Object.entries(starterFiles(context.schema))) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content, { flag: 'wx' });
    context.out(`${join(dir, path)}\n`);
  }
  context.err(`next: plimsoll validate ${dir}, then commit it and read ${join(dir, 'README.md')}\n`);
  return exitCodes.done;
}

/** The schema goes along in a folder that starts with a dot: editors find it offline, plimsoll does not read it. */
function starterFiles(schema: object): Readonly<Record<string, string>> {
  return {
    'README.md': readme,
    'plimsoll.yaml': configuration,
    'apps/hello/app.yaml': manifest,
    '.plimsoll/app.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
  };
}

const readme = `# What runs on this host

Every \`app.yaml\` below \`apps/\` is an app. plimsoll reads them at the newest commit and makes the host agree: commit
a change and it is rolled out, revert it and it is rolled back, remove a folder and its app is removed.

\`\`\`sh
plimsoll validate .                        # offline, before a commit
plimsoll diff --source .                   # what it would change on this host
plimsoll controller --config plimsoll.yaml # follows this repository from now on
plimsoll status
\`\`\`

\`plimsoll.yaml\` configures the controller; it is here to start from, and belongs on the host.
`;

const configuration = `# The controller's configuration. Every value can also come from the environment: PLIMSOLL_SOURCE_DIR and so on.
source:
  # A git repository on this machine, or a folder that is none. For one elsewhere: url: https://git.example.com/config.git
  dir: .
  branch: main
  interval: 60s
stateDir: /var/lib/plimsoll
caddy:
  admin: http://127.0.0.1:2019
`;

const manifest = `# yaml-language-server: $schema=../../.plimsoll/app.schema.json
apiVersion: plimsoll/v1
kind: App
metadata:
  name: hello
spec:
  image: docker.io/library/nginx:1.29-alpine
  port: 80
  # Your own host name here, and Caddy serves the app there with a certificate:
  # domains: [hello.example.com]
  healthCheck:
    http:
      path: /
`;
