/** Fields that hold what people and programs wrote; all others are names, numbers and words of ours. */
const freeFields: ReadonlySet<string> = new Set([
  'description',
  'desired',
  'detail',
  'error',
  'hint',
  'line',
  'lines',
  'live',
  'log',
  'message',
  'reason',
  'why',
]);

/**
 * The same value with secrets taken out of free text. Identifiers stay: a secret whose value happens to be `shop` or
 * `5432` must not make an app or a port unreadable.
 */
export function redactFreeText<Value>(value: Value, redact: (text: string) => string): Value {
  return cleaned(value, redact, '') as Value;
}

function cleaned(value: unknown, redact: (text: string) => string, field: string): unknown {
  if (typeof value === 'string') return isFree(field, value) ? redact(value) : value;
  if (Array.isArray(value)) return value.map((item) => cleaned(item, redact, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, cleaned(inner, redact, name)]),
  );
}

/** A reason in PascalCase is for machines, and ours. */
function isFree(field: string, text: string): boolean {
  return freeFields.has(field) && !(field === 'reason' && /^[A-Z][A-Za-z0-9]*$/.test(text));
}
