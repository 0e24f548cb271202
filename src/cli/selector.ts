import { parseSelector as parse } from '../desired/selector.ts';
import { CliError, exitCodes } from './context.ts';

/** `team=web,tier!=db,canary,!legacy`: all of them must hold. */
export function parseSelector(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const matches = parse(text);
  if (matches) return matches;
  throw new CliError(
    exitCodes.usage,
    `cannot read the selector ${JSON.stringify(text)}`,
    'write team=web, tier!=db, canary or !legacy, with commas between',
  );
}
