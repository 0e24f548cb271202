import { Argument, type Command } from 'commander';
import { exitCodes, type Register } from './context.ts';
import { addExamples } from './global-options.ts';

export const registerCompletion: Register = (program, context, run) => {
  const command = program
    .command('completion')
    .description('a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)));
  addExamples(
    command,
    'source <(plimsoll completion bash)',
    'plimsoll completion zsh > "${fpath[1]}/_plimsoll"',
    'plimsoll completion fish > ~/.config/fish/completions/plimsoll.fish',
  ).action(
    run(async (shell: keyof typeof shells) => {
      context.out(shells[shell](wordsOf(program)));
      return exitCodes.done;
    }),
  );
};

/** What may follow one command: its path, the subcommands and options, each with what it is for. */
interface Words {
  readonly path: readonly string[];
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
}

interface Word {
  readonly word: string;
  readonly about: string;
}

function wordsOf(command: Command, path: readonly string[] = []): Words[] {
  const commands = command.commands.map((one) => ({ word: one.name(), about: one.description() }));
  const options = [
    ...command.options.flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : [])),
    { word: '--help', about: 'help for the command' },
  ];
  return [
    { path, commands, options },
    ...command.commands.flatMap((one) => wordsOf(one, [...path, one.name()])),
  ];
}

const shells = { bash, zsh, fish };

/** The words before the cursor that are no options say which command it is; what is no command is an argument. */
function bash(all: readonly Words[]): string {
  const cases = all.map(
    ({ path, commands, options }) =>
      `    '${path.join(' ')}') words='${[...commands, ...options].map(({ word }) => word).join(' ')}' ;;`,
  );
  return `# bash completion for plimsoll
_plimsoll() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word known index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    known="\${path:+$path }$word"
    case "$known" in
${all
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `      '${path.join(' ')}') path="$known" ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _plimsoll plimsoll
`;
}

function zsh(all: readonly Words[]): string {
  const entry = ({ word, about }: Word) => `'${quoted(`${word.replaceAll(':', '\\:')}:${about}`)}'`;
  const cases = all.map(
    ({ path, commands, options }) =>
      `    '${path.join(' ')}') entries=(${[...commands, ...options].map(entry).join(' ')}) ;;`,
  );
  return `#compdef plimsoll
_plimsoll() {
  local path_of='' known word
  local -a entries
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    known="\${path_of:+$path_of }$word"
    case "$known" in
${all
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `      '${path.join(' ')}') path_of="$known" ;;`)
  .join('\n')}
    esac
  done
  case "$path_of" in
${cases.join('\n')}
  esac
  _describe 'plimsoll' entries || _files
}
if [ "$funcstack[1]" = "_plimsoll" ]; then _plimsoll "$@"; else compdef _plimsoll plimsoll; fi
`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, options }) => {
    const when = conditionOf(path, commands);
    return [
      ...commands.map(
        ({ word, about }) => `complete -c plimsoll -n '${when}' -f -a '${word}' -d '${quoted(about)}'`,
      ),
      ...options.map(
        ({ word, about }) => `complete -c plimsoll -n '${when}' -l '${word.slice(2)}' -d '${quoted(about)}'`,
      ),
    ];
  });
  return `# fish completion for plimsoll\n${lines.join('\n')}\n`;
}

/** In fish a command is told by the words that were seen, and by the subcommands that were not. */
function conditionOf(path: readonly string[], commands: readonly Word[]): string {
  if (path.length === 0) return '__fish_use_subcommand';
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const not =
    commands.length > 0
      ? [`not __fish_seen_subcommand_from ${commands.map(({ word }) => word).join(' ')}`]
      : [];
  return [...seen, ...not].join('; and ');
}

/** Inside single quotes. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}
