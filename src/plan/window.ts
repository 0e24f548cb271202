import type { SyncWindow } from '../desired/app.ts';

const minute = 60_000;
/** How far ahead the next change is searched; a look comes by sooner in any case. */
const horizon = 24 * 60;

/** Whether rollouts are allowed now, and when that may change (milliseconds since the epoch). */
export function windowState(
  windows: readonly SyncWindow[],
  now: number,
): { readonly open: boolean; readonly changesAt: number | undefined } {
  if (windows.length === 0) return { open: true, changesAt: undefined };
  const open = isOpen(windows, now);
  const current = Math.floor(now / minute) * minute;
  for (let ahead = 1; ahead <= horizon; ahead += 1) {
    const time = current + ahead * minute;
    if (isOpen(windows, time) !== open) return { open, changesAt: time };
  }
  return { open, changesAt: current + horizon * minute };
}

/** A deny goes before an allow, as in Argo CD; with allow windows only what they allow is open. */
function isOpen(windows: readonly SyncWindow[], now: number): boolean {
  const active = (kind: SyncWindow['kind']) =>
    windows.some((window) => window.kind === kind && isActive(window, now));
  if (active('deny')) return false;
  return active('allow') || !windows.some((window) => window.kind === 'allow');
}

function isActive(window: SyncWindow, now: number): boolean {
  const matches = compileCron(window.cron, window.timeZone);
  for (let start = Math.floor(now / minute) * minute; start > now - window.duration; start -= minute)
    if (matches(start)) return true;
  return false;
}

const compiled = new Map<string, (time: number) => boolean>();

function compileCron(cron: string, timeZone: string): (time: number) => boolean {
  const key = `${timeZone} ${cron}`;
  const known = compiled.get(key);
  if (known) return known;
  const made = createMatcher(cron, timeZone);
  compiled.set(key, made);
  return made;
}

/** Minute, hour, day of month, month, day of week; the two days are alternatives when both are given (crontab(5)). */
function createMatcher(cron: string, timeZone: string): (time: number) => boolean {
  const fields = cron.trim().split(/\s+/);
  const [minutes, hours, days, months, weekdays] = ranges.map((range, index) =>
    parseField(fields[index] ?? '*', range),
  );
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    hour: 'numeric',
    minute: 'numeric',
    day: 'numeric',
    month: 'numeric',
    weekday: 'short',
  });
  const eitherDay = fields[2] !== '*' && fields[4] !== '*';
  const cache = new Map<number, boolean>();
  return (time) => {
    const known = cache.get(time);
    if (known !== undefined) return known;
    const part = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const day = days?.has(Number(part.day)) ?? false;
    const weekday = weekdays?.has(weekdayNames.indexOf(part.weekday ?? '')) ?? false;
    const holds =
      (minutes?.has(Number(part.minute)) ?? false) &&
      (hours?.has(Number(part.hour)) ?? false) &&
      (months?.has(Number(part.month)) ?? false) &&
      (eitherDay ? day || weekday : day && weekday);
    if (cache.size > 10_000) cache.clear();
    cache.set(time, holds);
    return holds;
  };
}

const weekdayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

interface Range {
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
}

const ranges: readonly Range[] = [
  { from: 0, to: 59, names: [] },
  { from: 0, to: 23, names: [] },
  { from: 1, to: 31, names: [] },
  { from: 1, to: 12, names: ['', ...monthNames] },
  { from: 0, to: 7, names: weekdayNames.map((name) => name.toLowerCase()) },
];

function parseField(field: string, range: Range): Set<number> {
  const values = field.split(',').flatMap((part) => parsePart(part, range));
  return new Set(range.to === 7 ? values.map((value) => value % 7) : values);
}

function parsePart(part: string, { from, to, names }: Range): number[] {
  const [span = '*', step] = part.split('/');
  const [first, last] = span === '*' ? [from, to] : span.split('-').map((value) => toValue(value, names));
  const low = first ?? from;
  const high = last ?? (step === undefined ? low : to);
  const stride = step === undefined ? 1 : Number(step);
  return Array.from(
    { length: Math.max(0, Math.floor((high - low) / stride) + 1) },
    (_, index) => low + index * stride,
  );
}

function toValue(text: string, names: readonly string[]): number {
  const named = names.indexOf(text.toLowerCase());
  return named >= 0 ? named : Number(text);
}
