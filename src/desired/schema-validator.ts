import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { isCron } from './cron.ts';
import { parseImage } from './image-reference.ts';
import { parseAddress, parseHost, parseRange } from './network-name.ts';
import { splitCommand } from './split-command.ts';
import { parseBytes, parseCpus, parseDuration, parseStatus, parseTime } from './units.ts';

/** Fills defaults into the value and returns everything that the schema has against it. */
export type Validate = (value: unknown) => readonly ErrorObject[];

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  command: (text) => splitCommand(text) !== undefined,
  cron: isCron,
  'date-time': (text) => parseTime(text) !== undefined,
  'dns-host': (text) => parseHost(text) !== undefined,
  'image-reference': (text) => parseImage(text) !== undefined,
  'ip-address': (text) => parseAddress(text) !== undefined,
  'ip-range': (text) => parseRange(text) !== undefined,
  'status-ranges': (text) => parseStatus(text) !== undefined,
  'time-zone': isTimeZone,
};

/** Keywords whose value is a least and a greatest quantity, with the unit they are read in. */
const ranges: Readonly<Record<string, (value: string | number) => number | undefined>> = {
  'x-bytes': parseBytes,
  'x-cpus': parseCpus,
  'x-duration': (value) => parseDuration(String(value)),
};

export function createValidator(schema: object): Validate {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    messages: false,
    formats: Object.fromEntries(Object.entries(formats).map(([name, validate]) => [name, { validate }])),
  });
  ajv.addVocabulary(['x-expects', 'x-like', 'x-secret', 'x-text']);
  for (const [keyword, parse] of Object.entries(ranges)) {
    ajv.addKeyword({
      keyword,
      type: keyword === 'x-duration' ? 'string' : ['string', 'number'],
      schemaType: 'array',
      errors: false,
      validate: (range: readonly string[], value: string | number) => isWithin(value, range, parse),
    });
  }
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? [] : (validate.errors ?? []));
}

/** Text that is no quantity at all is for the pattern to refuse. */
function isWithin(
  value: string | number,
  [least = '', greatest = '']: readonly string[],
  parse: (value: string | number) => number | undefined,
): boolean {
  const number = parse(value);
  if (number === undefined) return typeof value === 'string';
  return number >= (parse(least) ?? 0) && number <= (parse(greatest) ?? Number.POSITIVE_INFINITY);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
