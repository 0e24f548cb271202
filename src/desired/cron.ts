const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Minute, hour, day of month, month, day of week: the least and greatest number, and names for numbers. */
const fields: readonly (readonly [number, number, readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ['', ...months]],
  [0, 7, days],
];

/** Whether the text is a cron schedule of five fields. */
export function isCron(text: string): boolean {
  const parts = text.trim().split(/[ \t]+/);
  return parts.length === fields.length && fields.every((field, index) => isField(parts[index] ?? '', field));
}

function isField(text: string, field: (typeof fields)[number]): boolean {
  return text.split(',').every((part) => isPart(part, field));
}

function isPart(text: string, [least, greatest, names]: (typeof fields)[number]): boolean {
  const parts = /^(?:\*|([a-z]+|\d{1,2})(?:-([a-z]+|\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(text.toLowerCase());
  if (parts === null || parts[3] === '0' || parts[3] === '00') return false;
  const numberOf = (word: string) => (/^\d/.test(word) ? Number(word) : names.indexOf(word));
  if (parts[1] === undefined) return true;
  const from = numberOf(parts[1]);
  const to = numberOf(parts[2] ?? parts[1]);
  return from >= least && to <= greatest && from <= to;
}
