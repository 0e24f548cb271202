import type { Command, Option } from 'commander';

/**
 * A command line with the options that stand before the command's name after it, as kubectl and docker let them:
 * `plimsoll --config FILE get -o json apps`. As it is, where an option is none of any command that may be meant, or only
 * some of them give it a value.
 */
export function optionsLast(program: Command, words: readonly string[]): readonly string[] {
  const names: string[] = [];
  const before: string[] = [];
  let command = program;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const named = command.commands.find((one) => one.name() === word);
    const takes = takesValue(command, word);
    if (named) {
      names.push(word);
      command = named;
    } else if (command.commands.length === 0 || takes === undefined) {
      return [...names, ...before, ...words.slice(at)];
    } else {
      before.push(...words.slice(at, takes ? at + 2 : at + 1));
      if (takes) at += 1;
    }
  }
  return [...names, ...before];
}

/** Whether the next word is the option's value; undefined when that cannot be told. */
function takesValue(command: Command, word: string): boolean | undefined {
  const [flag = '', value] = word.startsWith('--')
    ? word.split('=', 2)
    : [word.slice(0, 2), word.slice(2) || undefined];
  const meant = optionsUnder(command).filter(({ short, long }) => flag === short || flag === long);
  const [takes, ...others] = new Set(meant.map(({ required }) => required));
  if (takes === undefined || others.length > 0 || meant.some(({ optional }) => optional)) return undefined;
  return takes && value === undefined;
}

function optionsUnder(command: Command): readonly Option[] {
  return command.commands.flatMap((one) => [...one.options, ...optionsUnder(one)]);
}
