import { parseDuration } from '../desired/units.ts';
import { CliError, exitCodes } from './context.ts';

/** Milliseconds of an option such as `--timeout 5m`. */
export function readDuration(option: string, text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined && duration > 0) return duration;
  throw new CliError(
    exitCodes.usage,
    `${option} ${JSON.stringify(text)} is no duration`,
    'write 30s, 5m or 1h30m',
  );
}
