const durationUnits = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const byteUnits = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 } as const;

/** `1h30m`, `10s`, `500ms` in milliseconds. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(?=\d)(\d{1,9}d)?(\d{1,9}h)?(\d{1,9}m(?!s))?(\d{1,9}s)?(\d{1,9}ms)?$/.exec(text);
  if (parts === null) return undefined;
  const [, d, h, m, s, ms] = parts.map((part) => Number.parseInt(part ?? '0', 10));
  const { d: day, h: hour, m: minute, s: second } = durationUnits;
  return (d ?? 0) * day + (h ?? 0) * hour + (m ?? 0) * minute + (s ?? 0) * second + (ms ?? 0);
}

/** A number of bytes, or text such as `256Mi`, `512m`, `512mb`, `2g`; as for docker every unit is a power of 1024. */
export function parseBytes(size: string | number): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d{1,3})?) ?([kmgtb]?)(?:(?<=[kmgt])i?b?)?$/.exec(String(size).toLowerCase());
  if (parts === null) return undefined;
  const unit = (parts[2] ?? '') as keyof typeof byteUnits;
  return Math.round(Number(parts[1]) * byteUnits[unit]);
}

/** A number of CPUs, or text such as `0.5` or `500m`, in thousandths. */
export function parseCpus(cpus: string | number): number | undefined {
  if (typeof cpus === 'number') return Math.round(cpus * 1000);
  const parts = /^(\d{1,7})m$|^(\d{1,4}(?:\.\d{1,3})?)$/.exec(cpus);
  if (parts === null) return undefined;
  return parts[1] === undefined ? Math.round(Number(parts[2]) * 1000) : Number(parts[1]);
}

/** `0644`, `644` and `0o644` are one mode. */
export function parseMode(text: string): number | undefined {
  const parts = /^(?:0o?)?([0-7]{3})$/.exec(text);
  return parts === null ? undefined : Number.parseInt(parts[1] ?? '', 8);
}

/** `200-399,404` as inclusive ranges, ascending. */
export function parseStatus(text: string): readonly (readonly [number, number])[] | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const part of text.split(',')) {
    const bounds = /^ ?([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part);
    if (bounds === null) return undefined;
    const from = Number(bounds[1]);
    const to = Number(bounds[2] ?? bounds[1]);
    if (from > to) return undefined;
    ranges.push([from, to]);
  }
  return ranges.sort(([a, aEnd], [b, bEnd]) => a - b || aEnd - bEnd);
}

/** An RFC 3339 time in milliseconds since the epoch. */
export function parseTime(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const time = Date.parse(text.toUpperCase());
  if (Number.isNaN(time)) return undefined;
  // `Date.parse` rolls 31 February over into March instead of refusing it, and 24:00 into the next day.
  const day = new Date(Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])));
  return day.getUTCDate() === Number(parts[3]) && Number(parts[4]) < 24 ? time : undefined;
}
