import { isCron } from './cron.ts';
import { parseImage } from './image-reference.ts';
import { parseAddress, parseHost, parseRange } from './network-name.ts';
import { splitCommand } from './split-command.ts';
import { parseBytes, parseCpus, parseDuration, parseStatus, parseTime } from './units.ts';

/** Formats that our schemas name. */
export const formats: Readonly<Record<string, { readonly validate: (text: string) => boolean }>> = {
  command: { validate: (text) => splitCommand(text) !== undefined },
  cron: { validate: isCron },
  'date-time': { validate: (text) => parseTime(text) !== undefined },
  'dns-host': { validate: (text) => parseHost(text) !== undefined },
  'image-reference': { validate: (text) => parseImage(text) !== undefined },
  'ip-address': { validate: (text) => parseAddress(text) !== undefined },
  'ip-range': { validate: (text) => parseRange(text) !== undefined },
  'status-ranges': { validate: (text) => parseStatus(text) !== undefined },
  'time-zone': { validate: isTimeZone },
};

type IsWithin = (value: string | number, range: readonly string[]) => boolean;

/** Keywords whose value is a least and a greatest quantity, with the unit they are read in. */
export const ranges: Readonly<Record<string, IsWithin>> = {
  'x-bytes': within(parseBytes),
  'x-cpus': within(parseCpus),
  'x-duration': within((value) => parseDuration(String(value))),
};

/** Text that is no quantity at all is for the pattern to refuse. */
function within(parse: (value: string | number) => number | undefined): IsWithin {
  return (value, [least = '', greatest = '']) => {
    const number = parse(value);
    if (number === undefined) return typeof value === 'string';
    return number >= (parse(least) ?? 0) && number <= (parse(greatest) ?? Number.POSITIVE_INFINITY);
  };
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
