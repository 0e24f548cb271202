import { redactFreeText } from './redact-free-text.ts';

/** A value as JSON, its free text without what must not be seen. */
export function redactedJson(
  { redact }: { readonly redact?: (text: string) => string },
  value: unknown,
): string {
  return JSON.stringify(redact ? redactFreeText(value, redact) : value);
}
