/** A value as JSON without what must not be seen: text by text, so that what is left is still JSON. */
export function redactedJson(
  { redact }: { readonly redact?: (text: string) => string },
  value: unknown,
): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    redact && typeof inner === 'string' ? redact(inner) : inner,
  );
}
