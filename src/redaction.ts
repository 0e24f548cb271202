/** Hides every secret value that the process knows in what it writes. Before any is known, nothing is hidden. */
export interface Redaction {
  redact(text: string): string;
  /** The same for every text in a value; numbers stay numbers. */
  redactValue<Value>(value: Value): Value;
  /** From now on by these. */
  use(secrets: Pick<Redaction, 'redact' | 'redactValue'>): void;
}

export function createRedaction(): Redaction {
  let known: Pick<Redaction, 'redact' | 'redactValue'> | undefined;
  return {
    redact: (text) => known?.redact(text) ?? text,
    redactValue: (value) => known?.redactValue(value) ?? value,
    use(secrets) {
      known = secrets;
    },
  };
}
