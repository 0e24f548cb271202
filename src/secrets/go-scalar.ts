/** How SOPS understands a plain scalar, and the bytes that its MAC counts. */
export interface GoScalar {
  readonly type: 'str' | 'int' | 'float' | 'bool' | 'time' | 'null';
  readonly text: string;
}

/**
 * Reads an unquoted scalar as go-yaml does, which SOPS is built on: YAML 1.2 with the octals, binaries,
 * underscores and timestamps of 1.1 (https://github.com/yaml/go-yaml, `resolve`). The MAC of a file counts
 * `010` as `8`; whoever reads it differently finds every such file changed.
 */
export function readGoScalar(source: string): GoScalar {
  const known = words.get(source);
  if (known !== undefined) return known;
  if (/^\.\d/.test(source)) return readFloat(source) ?? { type: 'str', text: source };
  if (!/^[-+\d]/.test(source)) return { type: 'str', text: source };
  const plain = source.replaceAll('_', '');
  return readTime(source) ?? readInt(plain) ?? readFloat(plain) ?? { type: 'str', text: source };
}

const words = new Map<string, GoScalar>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, { type: 'null', text: '' }] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, { type: 'bool', text: 'True' }] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, { type: 'bool', text: 'False' }] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, { type: 'float', text: 'NaN' }] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (word) => [word, { type: 'float', text: '+Inf' }] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, { type: 'float', text: '-Inf' }] as const),
]);

function readInt(plain: string): GoScalar | undefined {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
  const form = integerForms.find(([pattern]) => pattern.test(digits));
  if (form === undefined) return undefined;
  const [, literal] = form;
  const value = BigInt(literal(digits)) * (sign === '-' ? -1n : 1n);
  const fits = value >= -(2n ** 63n) && value < 2n ** 64n;
  return fits ? { type: 'int', text: String(value) } : undefined;
}

/** As JavaScript's BigInt writes them. */
const integerForms: readonly (readonly [RegExp, (digits: string) => string])[] = [
  [/^(?:0|[1-9]\d*)$/, (digits) => digits],
  [/^0[0-7]+$/, (digits) => `0o${digits.slice(1)}`],
  [/^0[xX][0-9a-fA-F]+$/, (digits) => digits],
  [/^0[oO][0-7]+$/, (digits) => digits],
  [/^0[bB][01]+$/, (digits) => digits],
];

function readFloat(plain: string): GoScalar | undefined {
  if (!/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? { type: 'float', text: formatFloat(value) } : undefined;
}

/** The shortest digits that give the same number again, without an exponent: Go's `FormatFloat(v, 'f', -1, 64)`. */
export function formatFloat(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([-+]\d+))?$/.exec(String(value)) ?? [];
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${'0'.repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** As Go writes a time back, RFC 3339 with what fraction there is. */
function readTime(source: string): GoScalar | undefined {
  const match =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| +)(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?(Z|[-+]\d{2}:\d{2})?)?$/.exec(
      source,
    );
  if (!match) return undefined;
  const [, year, month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone] = match;
  // With a T there is a zone, after a space there is none.
  const isSpaced = source.includes(' ');
  if (match[4] !== undefined && isSpaced !== (zone === undefined)) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const isReal = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!isReal || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const [mm, dd, h, m, s] = [month, day, hour, minute, second].map((part) => part.padStart(2, '0'));
  const rest = fraction.replace(/0+$/, '');
  const offset = zone === undefined || /^[-+]00:00$/.test(zone) ? 'Z' : zone;
  return { type: 'time', text: `${year}-${mm}-${dd}T${h}:${m}:${s}${rest && `.${rest}`}${offset}` };
}
