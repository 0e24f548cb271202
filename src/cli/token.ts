import type { Command } from 'commander';
import { hashOfToken, newToken } from '../api/new-token.ts';
import type { TokenItem, TokenMade } from '../client/paths.ts';
import { connectApi } from './api-client.ts';
import { type CliContext, type ExitCode, exitCodes, type Register } from './context.ts';
import {
  addConfigOption,
  addExamples,
  addOutputOption,
  type ClientOptions,
  type OutputOptions,
} from './global-options.ts';
import { printValue } from './print-value.ts';
import { readDuration } from './read-duration.ts';
import { parseSelector } from './selector.ts';
import { shortTime } from './short-text.ts';
import { type Column, formatTable } from './table.ts';

/** Tokens are made on the controller's own host: over its socket, never over the network. */
type Options = Pick<ClientOptions, 'config'> & OutputOptions;

type CreateOptions = Options & {
  readonly scope: string;
  readonly project?: string;
  readonly selector?: string;
  readonly expires?: string;
  readonly hash?: true;
};

export const registerToken: Register = (program, context, run) => {
  const token = program.command('token').description('tokens for the API, by which others may ask or act');
  addExamples(token, 'plimsoll token create ci --scope read,reconcile --expires 90d', 'plimsoll token list');
  const create = withOptions(
    token
      .command('create')
      .description('make a token; it is shown this once')
      .argument('<name>')
      .requiredOption(
        '--scope <scopes>',
        'of read, logs, reconcile, operate, exec and admin, with commas between',
      )
      .option('--project <name>', 'only for apps of this project')
      .option('--selector <labels>', 'only for apps with these labels: team=web,tier!=db')
      .option('--expires <duration>', 'how long it is good for; until it is revoked when absent')
      .option('--hash', 'only make it, and print the hash for api.tokens in plimsoll.yaml'),
  );
  addExamples(
    create,
    'plimsoll token create ci --scope read,reconcile --expires 90d',
    'plimsoll token create board --scope read --project web --hash',
  ).action(run((name: string, options: CreateOptions) => createToken(context, name, options)));
  addExamples(
    withOptions(token.command('list').description('the tokens, and when each was last used')),
    'plimsoll token list -o json',
  ).action(run((options: Options) => listTokens(context, options)));
  addExamples(
    withOptions(token.command('revoke').description('end a token at once').argument('<name>')),
    'plimsoll token revoke ci',
  ).action(run((name: string, options: Options) => revokeToken(context, name, options)));
};

function withOptions(command: Command): Command {
  return addOutputOption(addConfigOption(command));
}

async function createToken(context: CliContext, name: string, options: CreateOptions): Promise<ExitCode> {
  const { project, selector, expires } = options;
  if (expires !== undefined) readDuration('--expires', expires);
  if (selector !== undefined) parseSelector(selector);
  const scopes = options.scope.split(',').map((scope) => scope.trim());
  if (options.hash) return makeDeclared(context, name, options);
  const asked = { name, scopes, project, selector, expires };
  const { token } = await connectApi(context, options).post<TokenMade>('tokens', asked);
  printValue(context, options.output, { name, token }, () => `${token}\n`);
  if (options.output === 'table') context.err('keep it: it is not shown again\n');
  return exitCodes.done;
}

/** Nothing is asked of a controller: what makes the token good is the line in its configuration. */
function makeDeclared(context: CliContext, name: string, { output }: CreateOptions): ExitCode {
  const token = newToken();
  const hash = `sha256:${hashOfToken(token)}`;
  printValue(context, output, { name, token, hash }, () => `token: ${token}\nhash:  ${hash}\n`);
  if (output === 'table')
    context.err('write the hash into api.tokens of plimsoll.yaml, and keep the token\n');
  return exitCodes.done;
}

const columns: readonly Column<TokenItem>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'SCOPES', text: ({ scopes }) => scopes.join(',') },
  {
    title: 'ONLY',
    text: ({ project, selector }) =>
      [project === null ? '' : `project ${project}`, selector].filter(Boolean).join(' '),
  },
  { title: 'EXPIRES', text: ({ expires }) => shortTime(expires) },
  { title: 'LAST USED', text: ({ lastUsed }) => shortTime(lastUsed) },
  { title: 'MADE BY', text: ({ createdBy }) => createdBy },
  { title: 'REVOKED', text: ({ revoked }) => shortTime(revoked) },
];

async function listTokens(context: CliContext, options: Options): Promise<ExitCode> {
  const found = await connectApi(context, options).list<TokenItem>('tokens');
  printValue(context, options.output, found, () =>
    found.items.length === 0 ? 'no tokens\n' : formatTable(context, columns, found.items),
  );
  return exitCodes.done;
}

async function revokeToken(context: CliContext, name: string, options: Options): Promise<ExitCode> {
  const revoked = await connectApi(context, options).post<TokenItem>(
    `tokens/${encodeURIComponent(name)}/revoke`,
    {},
  );
  printValue(context, options.output, revoked, () => `${revoked.name} is revoked\n`);
  return exitCodes.done;
}
