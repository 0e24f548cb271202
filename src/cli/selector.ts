import { CliError, exitCodes } from './context.ts';

type Labels = Readonly<Record<string, string>>;

/** `team=web,tier!=db,canary,!legacy`: all of them must hold. */
export function parseSelector(text: string): (labels: Labels) => boolean {
  const terms = text.split(',').map((part) => parseTerm(part.trim(), text));
  return (labels) => terms.every((holds) => holds(labels));
}

function parseTerm(part: string, text: string): (labels: Labels) => boolean {
  const match = /^(?<not>!)?(?<key>[\w./-]+)(?:(?<operator>!=|==?)(?<value>[\w./-]*))?$/.exec(part)?.groups;
  const { not, key = '', operator, value = '' } = match ?? {};
  if (!match || (not !== undefined && operator !== undefined))
    throw new CliError(
      exitCodes.usage,
      `cannot read the selector ${JSON.stringify(text)}`,
      'write team=web, tier!=db, canary or !legacy, with commas between',
    );
  const found = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  if (operator === '!=') return (labels) => found(labels) !== value;
  if (operator !== undefined) return (labels) => found(labels) === value;
  return (labels) => (found(labels) === undefined) === (not !== undefined);
}
