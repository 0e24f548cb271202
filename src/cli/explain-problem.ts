import { escapeText, shorten } from '../desired/shown-text.ts';
import { CliError, type ExitCode, exitCodes } from './context.ts';

type Row = readonly [status: number, code: string | undefined, exitCode: ExitCode];

/** First match wins. */
const rows: readonly Row[] = [
  [404, 'NoContainer', exitCodes.negative],
  [404, 'UnknownPath', exitCodes.unobservable],
  [400, undefined, exitCodes.invalid],
  [404, undefined, exitCodes.invalid],
  [413, undefined, exitCodes.invalid],
  [415, undefined, exitCodes.invalid],
  [401, undefined, exitCodes.refused],
  [403, undefined, exitCodes.refused],
  [409, undefined, exitCodes.refused],
  [421, undefined, exitCodes.refused],
  [429, undefined, exitCodes.refused],
  [501, undefined, exitCodes.refused],
  [500, undefined, exitCodes.bug],
];

/** An answer that is no success, as the error of the command. */
export function explainProblem(status: number, body: string, name: string): CliError {
  const { detail, code, hint } = readProblem(body);
  if (detail === undefined)
    return new CliError(exitCodes.unobservable, `${name} answered ${status}, not as a controller does`);
  const row = rows.find(([one, only]) => one === status && (only === undefined || only === code));
  return new CliError(row?.[2] ?? exitCodes.unobservable, detail, status === 401 ? tokenHint : hint);
}

const tokenHint = 'set PLIMSOLL_TOKEN to a token of that controller';

interface Told {
  readonly detail?: string | undefined;
  readonly code?: string | undefined;
  readonly hint?: string | undefined;
}

function readProblem(body: string): Told {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return {};
    const field = (name: string) => {
      const found: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
      return typeof found === 'string' ? escapeText(shorten(found, 2000)) : undefined;
    };
    return { detail: field('detail'), code: field('code'), hint: field('hint') };
  } catch {
    return {};
  }
}
